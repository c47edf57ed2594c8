#!/bin/bash
# Inside the guest: two network namespaces joined by a veth pair; frames go from one to the other through different
# queueing disciplines. Prints one line for each run: NAME, the sink's stats, and when the datagrams arrived.
here=$(dirname "${BASH_SOURCE[0]}")
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
export GST_PLUGIN_SYSTEM_PATH_1_0=$here/plugins GST_REGISTRY=/run/registry.bin GST_REGISTRY_FORK=no GST_DEBUG_NO_COLOR=1

ip netns add receiver
ip link add sender type veth peer name receiver netns receiver
ip address add 10.99.0.1/24 dev sender
ip -n receiver address add 10.99.0.2/24 dev receiver
ip link set lo up
ip link set sender up
ip -n receiver link set receiver up

# run NAME QDISC PACING LINK_KBPS FRAMES DATAGRAMS BYTES FPS
port=47000
run() {
  local rate=$(($4 * 225 / 2)) receiving
  port=$((port + 1))
  # shellcheck disable=SC2086 # options of the discipline are words of their own
  tc qdisc replace dev sender root $2 || echo "FAILED tc $2"
  ip netns exec receiver "$here/arrivals" "$port" "$5" "$6" "$7" "$rate" >/run/arrivals &
  receiving=$!
  while ! grep --quiet --ignore-case ":$(printf %04X "$port") " "/proc/$receiving/net/udp6"; do sleep 0.05; done
  "$here/frames" "host=10.99.0.2 port=$port pacing=$3 link-kbps=$4" "$5" "$6" "$7" "$8" >/run/stats
  sleep 1
  kill "$receiving" 2>/dev/null
  wait "$receiving"
  echo "RUN $1 frames=$5 sent=$(($5 * $6)) $(cat /run/arrivals) $(tr ',;' '  ' </run/stats)"
  tc -s qdisc show dev sender | sed -n 's/.*(dropped \([0-9]*\),.*/QDISC '"$1"' dropped=\1/p' | head -n 1
}

uname -r
# No wait in a run has a time limit: the guest's clock runs ahead while it reads files of the host. So that it has read
# them all before anything is measured:
run warm-up 'fq_codel' auto 100000 4 40 1040 60
# A message for each datagram, 308 us apart; messages of six datagrams, the frame ending just before the next one comes;
# 4K at 120 fps and 150 Mbit/s on the default link, with parity; key frames of 676 KB.
run auto-fq 'fq' auto 30000 60 40 1040 60
run kernel-fq 'fq' kernel 30000 30 40 1040 60
run busy-fq 'fq' auto 100000 60 144 1040 60
run b-fq 'fq' auto 800000 60 137 1408 120
run keyframe-fq 'fq' auto 400000 20 480 1408 15
run auto-plain 'pfifo limit 2000' auto 30000 30 40 1040 60
run auto-codel 'fq_codel' auto 30000 30 40 1040 60
run kernel-plain 'pfifo limit 2000' kernel 30000 30 40 1040 60
echo END
