#!/usr/bin/env python3
"""A FUSE server that is lost, as a server of NFS is: what it is asked it reads, and does not answer.

    lost_server.py walk POINT SOURCE     its directory in/deep shows the directory SOURCE (a bind mount); then it is lost
    lost_server.py end POINT DEVICE      a file system on the block device; lost when it is unmounted

When that is so, this process is called "lost". It ends when its standard input does.
"""

import ctypes
import os
import struct
import sys
import threading

FORGET, LOOKUP, GETATTR, INIT, DESTROY, BATCH_FORGET = 2, 1, 3, 26, 38, 42
DIRECTORY = 0o40755
BIND = 4096
NODES = {b"in": 2, b"deep": 3}

libc = ctypes.CDLL(None, use_errno=True)
is_lost = threading.Event()


def mount(source, point, kind, flags=0, options=""):
    if libc.mount(os.fsencode(source), os.fsencode(point), kind, flags, options.encode()):
        sys.exit(f"{point}: {os.strerror(ctypes.get_errno())}")


def attributes(node):
    """struct fuse_attr of a directory."""
    return struct.pack("<6Q10I", node, 0, 0, 0, 0, 0, 0, 0, 0, DIRECTORY, 2, 0, 0, 0, 4096, 0)


def answer(opcode, node, name):
    """Nothing that it says is kept by the kernel: whoever walks through it asks again."""
    if opcode == INIT:
        return struct.pack("<4IHHIIHHI7I", 7, 31, 0, 0, 0, 0, 4096, 1, 0, 0, 0, *[0] * 7)
    if opcode == LOOKUP:
        child = NODES[name]
        return struct.pack("<4QII", child, 0, 0, 0, 0, 0) + attributes(child)
    if opcode == GETATTR:
        return struct.pack("<QII", 0, 0, 0) + attributes(node)
    return None


def serve(device):
    while True:
        request = os.read(device, 1 << 20)
        opcode, unique, node = struct.unpack_from("<IQQ", request, 4)
        if opcode in (FORGET, BATCH_FORGET, DESTROY) or is_lost.is_set():
            continue
        body = answer(opcode, node, request[40:].rstrip(b"\0"))
        error = 0 if body is not None else -38
        os.write(device, struct.pack("<IiQ", 16 + len(body or b""), error, unique) + (body or b""))


def main():
    mode, point, source = sys.argv[1:]
    device = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0"
    server = threading.Thread(target=serve, args=(device,), daemon=True)
    if mode == "walk":
        mount("lost", point, b"fuse.lost", 0, options)
        server.start()
        mount(source, f"{point}/in/deep", None, BIND)
        is_lost.set()
    else:
        mount(source, point, b"fuseblk", 0, f"{options},blksize=4096")
        server.start()
        # Only that it has been asked something says that its beginning was answered.
        os.stat(point)
    with open("/proc/self/comm", "w", encoding="ascii") as name:
        name.write("lost")
    sys.stdin.read()
    os._exit(0)


main()
