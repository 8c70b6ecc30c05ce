# What the tests of control planes ask of a cluster of ha.sh. For control_plane_test.sh, killed_test.sh, reimaged_test.sh and
# slow_disk_test.sh to source, after checks.sh; cluster is the one they are about.
# shellcheck shell=bash
# shellcheck disable=SC2154 # what they and checks.sh set

ha() { "$here/ha.sh" "$1" "$cluster" "${@:2}"; }
on() { ha run "$@"; }
kubectl() { ha kubectl "$@"; }

# made COUNT OPTIONS...: of ha.sh up.
made() { ha up "$@" && ha init; }
join_as_control_plane() { timeout 300 "$here/ha.sh" join "$cluster" "$1" "$binary"; }

# Names, too: one without has never started.
voters() {
  ha members | tee /dev/stderr | jq -se --argjson count "$1" 'length == $count and all(.name != "" and (.learner | not))'
}

# Of the machines that are on.
every_api_server_answers() {
  local server answered=0
  while read -r server; do
    if [ "$(ha run switch curl -sS --max-time 15 --cacert "$cluster/ca.crt" "https://$server/livez")" = ok ]; then
      answered=$((answered + 1))
    fi
  done < <(jq -r ".machines[].api_server" "$cluster/facts.json")
  echo "$answered answer"
  [ $answered = "$1" ]
}

static_pods_are_ready() {
  kubectl -n kube-system get pods -l tier=control-plane --field-selector "spec.nodeName=$1" -o json | jq -e '.items
    | map(select(.status.conditions | any(.type == "Ready" and .status == "True")) | .metadata.labels.component) | sort
    == ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"]'
}

writes() { kubectl create configmap written --dry-run=client -o yaml | kubectl apply -f - --request-timeout=5s; }

# A check, and how long it took.
timed() {
  local began=$SECONDS
  check "$@"
  printf '          %s s\n' $((SECONDS - began))
}
