# Part of every script that runs in the machine; agent runs it. Each line of a report begins with a word that names it.
# shellcheck shell=dash disable=SC2154 # watcher is the script's, patience that of vm.sh

# wait_for COMMAND...: until it succeeds, or so long after power on that a report can still be made ($patience, in seconds).
wait_for() {
	until "$@" >/dev/null 2>&1; do
		[ "$(cut -d. -f1 /proc/uptime)" -lt "$patience" ] || return 1
		sleep 1
	done
}

# What the API server says about this node, asked with the node's own certificate.
own_node() {
	current=/var/lib/kubelet/pki/kubelet-client-current.pem
	server=$(sed -n 's,^ *server: https://,,p' /etc/kubernetes/kubelet.conf)
	node=$(openssl x509 -in $current -noout -subject -nameopt RFC2253 | sed -n 's/.*CN=system:node:\([^,]*\).*/\1/p')
	printf 'GET /api/v1/nodes/%s HTTP/1.0\r\nAccept: application/json\r\n\r\n' "$node" \
		| timeout 120 openssl s_client -quiet -no_ign_eof -connect "$server" -CAfile /etc/kubernetes/pki/ca.crt -cert $current -key $current 2>/dev/null
}
# A Node of an earlier boot is Ready, too, for 40 s.
is_ready() {
	own_node >/run/own-node
	tr -d ' \n' </run/own-node | grep -q '"type":"Ready","status":"True"' && grep -q "$(cat /proc/sys/kernel/random/boot_id)" /run/own-node
}
is_registered() { own_node | grep -q "$(cat /proc/sys/kernel/random/boot_id)"; }
has_ended() { [ -s /run/kubejoin/result.json ]; }

# report WORD COMMAND...
report() {
	word=$1
	shift
	"$@" 2>&1 | sed "s/^/$word /"
}
uptime_is() { echo "uptime $1 $(cut -d' ' -f1 /proc/uptime)"; }

# In the background: the most memory that the process of this name has had until then, and what it has now of its own, of
# files, and in huge pages, as the kernel counts it, in KB. The process's own, not its children's.
watch_memory() {
	while :; do
		pid=$(pgrep -x -o "$1") && awk '
			{ size[$1] = $2 }
			END { if (size["VmHWM:"]) print "memory", size["VmHWM:"], "own", size["RssAnon:"], "files", size["RssFile:"], "huge", size["AnonHugePages:"] }
		' "/proc/$pid/status" "/proc/$pid/smaps_rollup" 2>/dev/null
		sleep 0.3
	done
}

report_machine() {
	echo "boot-id $(cat /proc/sys/kernel/random/boot_id)"
	kill "$watcher" 2>/dev/null
	echo "result $(tr -d '\n' </run/kubejoin/result.json)"
	if command -v systemctl >/dev/null; then
		for unit in kubejoin kubelet; do
			report "$unit" systemctl show "$unit" -p ActiveState,SubState,Result,ExecMainStatus,NRestarts,ConditionResult \
				-p ExecMainStartTimestampMonotonic,ExecMainExitTimestampMonotonic,IPEgressPackets,CPUUsageNSec,MemoryPeak
		done
		report blame sh -c 'systemd-analyze blame --no-pager | head -n 12'
		report failed systemctl list-units --failed --plain --no-legend
		report journal journalctl -b -o short-monotonic --no-hostname --no-pager -u kubejoin -u kubejoin-initrd -n 100
		report kubelet-journal journalctl -b -o short-monotonic --no-hostname --no-pager -u kubelet -n 40
		report order journalctl -b -o short-monotonic --no-hostname --no-pager _PID=1 -g 'ordering cycle|kubejoin|kubelet'
	fi
	report dmesg sh -c 'dmesg | grep -i kubejoin'
	report file find /etc/kubernetes /var/lib/kubelet/config.yaml /var/lib/kubelet/pki -type f
}
