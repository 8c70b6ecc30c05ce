# A second control plane that is joined hundreds of times, and removed again: against the real API server, the real etcd and the
# real containerd of the first. What would be its kubelet is a stand-in (stand_in/kubelet), so that a round takes seconds. For
# system_calls_test.sh and power_cut_test.sh to source, which set here and call begin_joins.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # what they set, and what they use
. "$here/machine.sh"
. "$here/checks.sh"

requests=/apis/certificates.k8s.io/v1/certificatesigningrequests
declare -A init_of=()
arguments=() secrets='' cluster='' machine='' tree=''

# begin_joins [--every K [--from J]] BINARY: sets, beside what begin sets, the two directories, every and from.
begin_joins() {
  every=1 from=1
  while [ $# -gt 1 ]; do
    case $1 in
      --every) every=$2; shift 2 ;;
      --from) from=$2; shift 2 ;;
      *) echo "${0##*/}: unknown option $1" >&2; exit 2 ;;
    esac
  done
  begin "${1:-}"
  cluster=$work/cluster machine=$work/cluster/cp2 # /run/machine in the machine
  ha_clusters=("$cluster")
  # They are not for the machines.
  unset HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY http_proxy https_proxy all_proxy no_proxy
}

# The two machines, the first of them a control plane, and what the rounds need.
first_control_plane() {
  check "kubeadm makes a cluster" made
  read_cluster
  stand_in
}

ha() { "$here/ha.sh" "$1" "$cluster" "${@:2}"; }

# The relay to it needs an API server whose certificate names the second machine, too. Keys of RSA would take most of the time.
made() { ha up 2 && ha init --cluster '{"apiServer": {"certSANs": ["198.18.0.2"]}, "encryptionAlgorithm": "ECDSA-P256"}'; }

# What hundreds of rounds need of it is found out once.
read_cluster() {
  local name
  for name in switch cp1 cp2; do init_of[$name]=$(machine_pid "$cluster/$name"); done
  # With what is mounted there.
  tree=/proc/${init_of[cp2]}/root
  readarray -t arguments < <(jq -r '.arguments[]' "$cluster/facts.json")
  secrets=$(jq -r '(.token | split(".")[1]), .certificate_key' "$cluster/facts.json")
  identity "$cluster/admin.conf" >"$work/admin.pem"
  # That of the first machine.
  api -X DELETE -o /dev/null $requests
}

# As machine_run does it, without looking whether the machine is up.
on() { nsenter --target "${init_of[$1]}" --pid --mount --net --uts --wdns=/ -- "${@:2}"; }

stand_in() {
  on cp2 mkdir /etc/stand-in
  on cp2 kubelet --version | on cp2 tee /etc/stand-in/version >/dev/null
  jq -r .machines.cp1.api_server "$cluster/facts.json" | on cp2 tee /etc/stand-in/api-server >/dev/null
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=stand-in -keyout "$work/key.pem" -out "$work/tls.pem" \
    2>/dev/null
  cat "$work/tls.pem" "$work/key.pem" | on cp2 tee /etc/stand-in/tls.pem >/dev/null
  on cp2 ln -sf "$here/stand_in/kubelet" /usr/bin/kubelet
}

# join PROGRAM
join() { on cp2 timeout 120 "$1" join "${arguments[@]}"; }

# with_strace OPTIONS...: a program that is the binary, seen by strace.
with_strace() {
  printf '#!/bin/sh\nexec strace -qq -y -o /run/machine/trace %s %q "$@"\n' "$*" "$binary" >"$machine/traced"
  chmod +x "$machine/traced"
}

undisturbed() {
  with_strace
  join /run/machine/traced
}

ended_well_after_another_run() { join "$binary" && ended_well; }

ended_well() {
  local members csrs node
  members=$(on cp1 etcdmember list) && csrs=$(api $requests) && node=$(api /api/v1/nodes/cp2) || return
  csrs=${csrs//[[:space:]]/} node=${node//[[:space:]]/}
  printf '%s\n' "$members"
  [ "$(times '"id":' "$members")" = 2 ] && [ "$(times '"learner":false' "$members")" = 2 ] && [ "$(times '"name":""' "$members")" = 0 ] || return
  [ "$(times '"signerName":' "$csrs")" = 1 ] || { printf '%s\n' "$csrs"; return 1; }
  [ "$(times '"node-role.kubernetes.io/control-plane":""' "$node")" = 1 ] || { printf '%s\n' "$node"; return 1; }
  [ "$(times '"key":"node-role.kubernetes.io/control-plane"' "$node")" = 1 ] || { printf '%s\n' "$node"; return 1; }
  files_are_whole && same_as_expected || return
  # By the API server of the new control plane, as its own administrator.
  identity "$tree/etc/kubernetes/admin.conf" >"$work/own.pem"
  on cp2 curl -sS --fail --max-time 15 --cacert "$cluster/ca.crt" --cert "$work/own.pem" -o /dev/null -X PATCH \
    -H 'Content-Type: application/apply-patch+yaml' -d '{apiVersion: v1, kind: ConfigMap, metadata: {name: written}}' \
    "https://198.18.0.2:6443/api/v1/namespaces/default/configmaps/written?fieldManager=test"
}

# times WHAT TEXT: how often it is in it.
times() {
  local rest=${2//"$1"/}
  echo $(((${#2} - ${#rest}) / ${#1}))
}

# Keys fit their certificates, and those the CAs (etcd's own and the one that asks it are in use); nothing temporary is left, and
# no secret that was only for the join.
files_are_whole() {
  local pki=$tree/etc/kubernetes/pki pair left
  for pair in apiserver apiserver-kubelet-client front-proxy-client apiserver-etcd-client; do
    cmp <(openssl x509 -in "$pki/$pair.crt" -noout -pubkey) <(openssl pkey -in "$pki/$pair.key" -pubout) || return
  done
  openssl verify -CAfile "$pki/ca.crt" "$pki"/apiserver.crt "$pki"/apiserver-kubelet-client.crt || return
  openssl verify -CAfile "$pki/etcd/ca.crt" "$pki"/apiserver-etcd-client.crt "$pki"/etcd/{server,peer,healthcheck-client}.crt || return
  openssl verify -CAfile "$pki/front-proxy-ca.crt" "$pki/front-proxy-client.crt" || return
  left=$(on cp2 find /etc/kubernetes /var/lib/kubelet /var/lib/etcd -name .kubejoin.tmp -o -name kubejoin-control-plane -o -name '*.conf.tmp')
  left+=$(grep -rlsF "$secrets" "$tree"/{etc/kubernetes,var/lib/kubelet,run/kubejoin} || true)
  echo "$left"
  [ -z "$left" ]
}

# Names, kinds and modes of the files; the manifests, byte by byte but for the order of etcd's members.
shape() {
  (cd "$tree" && find etc/kubernetes var/lib/kubelet ! -path 'etc/kubernetes/manifests' -printf '%p %y %m\n') \
    | sed -E 's/kubelet-client-2[-0-9]+/kubelet-client-TIME/' | LC_ALL=C sort
  on cp2 stat -c '%n %F %a' /var/lib/etcd
  sed "s/--initial-cluster=.*//" "$tree"/etc/kubernetes/manifests/*.yaml
  sed -n 's/.*--initial-cluster=//p' "$tree/etc/kubernetes/manifests/etcd.yaml" | tr , '\n' | sort
}

keep_as_expected() { shape >"$work/expected"; }
same_as_expected() { diff "$work/expected" <(shape); }

# identity KUBECONFIG: certificate and key of its user.
identity() { sed -nE 's/^ *client-(certificate|key)-data: //p' "$1" | while read -r data; do base64 -d <<<"$data"; done; }

# api [OPTIONS OF CURL...] PATH...: asks the first API server, as administrator.
api() {
  local words=() word
  for word; do case $word in /api*) words+=("https://198.18.0.1:6443$word") ;; *) words+=("$word") ;; esac; done
  on switch curl -sS --fail --max-time 15 --cacert "$cluster/ca.crt" --cert "$work/admin.pem" "${words[@]}"
}

# killed_at NAME NTH DELAY: whether the join was, at that call (- for no delay); a join that has ended before has ended well.
killed_at() {
  local status=0
  with_strace -e "trace=$1" -e "inject=$1:${3#-}signal=KILL:when=$2"
  join /run/machine/traced >"$work/killed.log" 2>&1 || status=$?
  case $status in
    0) return 1 ;;
    137) return 0 ;;
  esac
  echo "  the join failed by itself, with $status:"
  tail -n 5 "$work/killed.log"
  return 1
}

removed() {
  forgotten || return
  on cp2 sh -c 'find /etc/kubernetes /var/lib/kubelet -mindepth 1 -delete; rm -rf /var/lib/etcd /run/kubejoin; mkdir /etc/kubernetes/manifests'
}

# What the cluster knows of it, and what runs. The member goes first: one of two voters alone removes nobody.
forgotten() {
  # etcd wants to have been in touch with all of its members for five seconds.
  eventually 60 on cp1 etcdmember remove cp2 || return
  ended || return
  api -X DELETE -o /dev/null -o /dev/null /api/v1/nodes/cp2 $requests
}

ended() {
  on cp2 kubelet --end || return
  rm -f "$machine/kubelet-unit/pid"
}
