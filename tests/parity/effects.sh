# What a join leaves behind, as lines that can be compared: one fact each, in no order.
#
#   exit ok|failed                         the class only; kubeadm has no other
#   kubelet active|inactive|failed         its service, when the join has ended
#   kubelet started as: ARGUMENTS          every start
#   file PATH MODE UID:GID KIND            of /etc/kubernetes and /var/lib/kubelet; of what is new or changed anywhere else
#   gone PATH                              what was there before
#   PATH .FIELD = VALUE                    YAML files and kubeconfigs, as Kubernetes reads them
#   PATH certificate ...                   certificates: subject, issuer, usage; keys by their kind
#   PATH: LINE                             any other text
#   csr ..., node ...                      what is in the API server
#   proxy asked for HOST:PORT              where there is one
#
# Not in here: times, serial numbers, key material, names that are random, what the kubelet makes for itself once it runs.
# Sourced by run, control_plane and tests/peers/releases_test.sh, which have on_node, api, work, programs and the node in
# $work/node, and call remember_files before the join.
# shellcheck shell=bash
# shellcheck disable=SC2154 # what the scripts that source it set

# effects STATUS SERVICE
effects() {
  if [ "$1" = 0 ]; then echo "exit ok"; else echo "exit failed"; fi
  echo "kubelet $2"
  sed -n 's/^.* started as:/kubelet started as:/p' "$work/node/log/systemctl.log"
  files
  csrs
  nodes
  proxied
}

proxied() {
  sed -n 's/.*: CONNECT \([^ ]*\) HTTP.*/proxy asked for \1/p' "$work/cluster/root/run/proxy.log" 2>/dev/null || true
}

# What may be written to is all that the node has of its own: the layers over the host's files, where nothing is found that
# others do to the host, and /run. One line each: path, facts, and for files and links what every write changes.
own_directories=(/run/machine/layers/upper /run /var/lib/etcd)
own_files() {
  on_node find "${own_directories[@]}" -xdev -mindepth 1 -path /run/machine -prune \
    -o \( -type f -o -type l \) -printf '%p\t%m %U:%G %y\t%i %C@\n' -o -printf '%p\t%m %U:%G %y\t\n' \
    | sed -E 's|^/run/machine/layers/upper(/rest)?||'
}

remember_files() { own_files >"$work/own_files"; }

# What is new or has changed since then, without /etc/kubernetes and /var/lib/kubelet. A removed file of the host is a
# character device in its layer; a directory of the host's is there as soon as anything in it is written.
changed_files() {
  local line
  own_files | awk -F '\t' '
    NR == FNR { before[$1] = $0; next }
    before[$1] != $0 { print $2 ~ / c$/ ? "gone " $1 : "file " $1 " " $2 }
    { delete before[$1] }
    END { for (path in before) print "gone " path }' "$work/own_files" - | while IFS= read -r line; do
    case $line in
      "file /run/"*) ;;
      *" d") if [ "$(stat -c 'file %n %a %u:%g d' "$(cut -d' ' -f2 <<<"$line")" 2>/dev/null)" = "$line" ]; then continue; fi ;;
    esac
    printf '%s\n' "$line"
  done
}

files() {
  local path mode owner kind target root=$work/node/root
  changed_files | grep -vE "$kubelet_own_elsewhere" || true
  on_node find /etc/kubernetes /var/lib/kubelet -mindepth 1 -printf '%p %m %U:%G %y %l\n' | grep -vE "$kubelet_own" \
    | while read -r path mode owner kind target; do
      echo "file $path $mode $owner $kind"
      case $kind in
        l) echo "$path -> $target" ;;
        f) content "$root$path" "$path" ;;
      esac
    done | sed -E "$unstamped"
}

# What the kubelet makes for itself once it runs.
kubelet_own='^/var/lib/kubelet/(device-plugins|checkpoints|pods-api|pod-resources|image_manager|pods|plugins|plugins_registry|[a-z]+_manager_state|actuated_pods_state|allocated_pods_state|pki/kubelet\.(key|crt))[/ ]'
kubelet_own_elsewhere='^file /(usr/libexec/kubernetes|var/log/containers|var/log/pods)[/ ]'
# It has the second of its making in a certificate's file name; kubeadm has a number in that of its dry runs.
unstamped='s/-[0-9]{4}(-[0-9]{2}){5}\.pem/-<time>.pem/g; s/kubeadm-join-dryrun[0-9]+/kubeadm-join-dryrun<n>/g'

# content FILE NAME
content() {
  case $2 in
    *.yaml | *.conf | *.json) fields "$1" "$2" ;;
    *.crt | *.pem | *.key | *.pub | *.key.tmp) pem "$1" "$2" ;;
    *) sed "s|^|$2: |" "$1" ;;
  esac
}

fields() {
  local line data
  if ! "$programs/yamljson" <"$1" >"$work/json" 2>/dev/null; then sed "s|^|$2: |" "$1"; return; fi
  jq -r --arg name "$2" 'paths(type != "object" and type != "array" or length == 0) as $path | getpath($path) as $value
    | "\($name) \($path | map(if type == "number" then "[\(.)]" else ".\(.)" end) | add // "") = \($value | tojson)"' "$work/json" \
    | while IFS= read -r line; do
      case $line in
        *-data\ =*)
          data=${line##* = \"}
          base64 -d <<<"${data%\"}" >"$work/data.pem"
          pem "$work/data.pem" "${line%% = *}"
          ;;
        *) printf '%s\n' "$line" ;;
      esac
    done
}

# pem FILE NAME: every block of it, each by what it is.
pem() {
  local block
  rm -f "$work"/block.*
  awk -v to="$work/block." '/-----BEGIN/ {n++} n {print >(to n)}' "$1"
  for block in "$work"/block.*; do
    [ -e "$block" ] || { echo "$2 is no PEM"; return; }
    case $(head -n 1 "$block") in
      *PUBLIC*) head -n 1 "$block" && openssl pkey -pubin -in "$block" -noout -text | grep ^Public ;;
      *CERTIFICATE-*) openssl x509 -in "$block" -noout -subject -issuer -nameopt RFC2253 -ext keyUsage,extendedKeyUsage,basicConstraints ;;
      *) head -n 1 "$block" && openssl pkey -in "$block" -noout -text 2>&1 | grep -E '^(Private|ASN1)' ;;
    esac | tr -s ' \n' ' ' | sed "s|^|$2 certificate or key: |; s|$|\n|"
  done
}

csrs() {
  local request
  api /apis/certificates.k8s.io/v1/certificatesigningrequests >"$work/csrs.json"
  jq -r '"csr count \(.items | length)", (.items[] | (.spec | del(.request, .uid, .extra) | tojson | "csr \(.)"),
    (.status.conditions // [] | map("\(.type)=\(.status)") | "csr conditions \(.)"))' "$work/csrs.json"
  jq -r '.items[].spec.request' "$work/csrs.json" | while read -r request; do
    base64 -d <<<"$request" | openssl req -noout -text -nameopt RFC2253 \
      | sed -nE 's/^ *(Subject:|Public Key Algorithm:|Signature Algorithm:|ASN1 OID:|X509v3)/csr \1/p'
  done
}

nodes() {
  api /api/v1/nodes | jq -r '.items[] | "node name \(.metadata.name)",
    "node labels \(.metadata.labels | tojson)", "node annotations \(.metadata.annotations // {} | keys | tojson)",
    "node taints \([.spec.taints // [] | .[] | select(.key | startswith("node.kubernetes.io/") | not)
      | {key, value, effect}] | tojson)",
    "node addresses \(.status.addresses // [] | tojson)"'
}
