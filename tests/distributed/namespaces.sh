#!/bin/sh
# Two "machines" on this one, joined by a virtual cable: the ranks talk TCP as over a network. `deno task test:mpi:network`,
# as root on Linux with iproute2 and Open MPI. The second run loses its cable: both ranks end within the timeout.
set -eu
cd -- "$(dirname -- "$0")/../.."
job=tests/distributed/world_job.ts
agent=$(mktemp)
# mpirun's daemon of a machine without a network waits for it.
end_all() {
  for n in 1 2; do
    for pid in $(ip netns pids "byol$n" 2>/dev/null); do kill -9 "$pid" 2>/dev/null || true; done
  done
}
clean() {
  end_all
  ip netns delete byol1 2>/dev/null || true
  ip netns delete byol2 2>/dev/null || true
  rm -f "$agent"
}
trap clean EXIT
for n in 1 2; do
  ip netns add "byol$n"
  ip -n "byol$n" link set lo up
done
ip link add veth1 netns byol1 type veth peer name veth2 netns byol2
for n in 1 2; do
  ip -n "byol$n" address add "10.77.0.$n/24" dev "veth$n"
  ip -n "byol$n" link set "veth$n" up
done
# What mpirun calls in place of ssh: host, then the command.
cat > "$agent" <<'END'
#!/bin/sh
host=$1
shift
exec ip netns exec "byol${host#10.77.0.}" unshare --uts sh -c "hostname node${host#10.77.0.}; $*"
END
chmod +x "$agent"
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 NO_COLOR=1
on_two() {
  ip netns exec byol1 unshare --uts sh -c 'hostname node1; exec "$@"' sh mpirun.openmpi --bind-to none \
    --mca plm_rsh_agent "$agent" --host 10.77.0.1:1,10.77.0.2:1 -n 2 \
    --mca btl tcp,self --mca btl_tcp_if_include 10.77.0.0/24 --mca oob_tcp_if_include 10.77.0.0/24 \
    -x PATH -x DENO_DIR -x BYOL_MPI_TIMEOUT "${DENO:-deno}" run -q -A --no-check "$@"
}
export BYOL_MPI_TIMEOUT=60
on_two "$job" all | grep -o '"alike":1,.*'
echo 'Two machines over TCP: the same sums on both.'

export BYOL_MPI_TIMEOUT=10
(sleep 10 && ip -n byol2 link set veth2 down && sleep 40 && end_all) >/dev/null 2>&1 &
if on_two "$job" long >"$agent.out" 2>&1; then
  echo 'The cable was cut too late' && exit 1
fi
grep -o 'Cannot go on: .*' "$agent.out" | head -1 || echo 'The launcher ended the ranks before their timeout.'
rm -f "$agent.out"
