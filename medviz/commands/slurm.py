"""A batch script for SLURM: the same ``medviz train``, on as many machines and GPUs as are asked for."""

import re
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cluster:
    """What is asked of the cluster: machines, GPUs on each (0: processors only), cores a process, hours."""

    nodes: int = 1
    gpus: int = 1
    cores: int = 8
    memory_gb: int = 32
    hours: float = 24.0


def sbatch(words: Sequence[str], run: Path, cluster: Cluster) -> str:
    """Write the script that trains `run` with these words of ``medviz train``; a second start goes on where it was.

    Two minutes before its time is up SLURM tells the processes, the run is saved, and the job queues up again.
    """
    minutes = round(cluster.hours * 60)
    processes = max(1, cluster.gpus)
    options = {
        "job-name": re.sub(r"[^\w.-]+", "-", run.name),  # an option may hold no blank
        "nodes": cluster.nodes,
        "ntasks-per-node": 1,
        "cpus-per-task": cluster.cores * processes,
        "mem": f"{cluster.memory_gb}G",
        "time": f"{minutes // 60:02d}:{minutes % 60:02d}:00",
        "output": "%x-%j.txt",
        "signal": "TERM@120",
    }
    if cluster.gpus:
        options["gpus-per-node"] = cluster.gpus
    head = "\n".join(f"#SBATCH --{name}={value}" for name, value in options.items())
    python, folder, first = shlex.quote(sys.executable), shlex.quote(str(run)), shlex.join(words)
    many = cluster.nodes * processes > 1
    launch = f"{python} -m medviz"
    if many:
        launch = (
            f"{python} -m torch.distributed.run --nnodes=$SLURM_NNODES --nproc-per-node={processes} \\\n"
            "  --rdzv-backend=c10d --rdzv-id=$SLURM_JOB_ID --rdzv-endpoint=$head:29500 -m medviz"
        )
    return f"""#!/bin/bash
# Trains {run.name} with medviz: `sbatch` this file. Adapt the lines below to your cluster (partition, account).
{head}
#SBATCH --requeue
##SBATCH --partition=gpu
##SBATCH --account=

export OMP_NUM_THREADS={cluster.cores} OMP_WAIT_POLICY=PASSIVE
head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
run={folder}

# what was begun goes on; a job that ran out of time was saved two minutes before
if [ -f "$run/task.toml" ]; then
  words=(train --resume "$run")
else
  words=({first})
fi
srun {launch} "${{words[@]}}" --quiet
code=$?
if [ $code -ne 0 ] && grep -q '"state": *"stopped"' "$run/status.json" 2>/dev/null; then
  scontrol requeue "$SLURM_JOB_ID"
fi
exit $code
"""
