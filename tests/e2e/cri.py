"""A client of the Container Runtime Interface: as much of it as a kubelet needs to run a pod, and no more.

Speaks gRPC to a container runtime's socket. The messages are generated from `cri.proto` when the tests start.
"""

import json
import subprocess
import sys
from pathlib import Path

import grpc

HERE = Path(__file__).parent
# How long one call may take. Twenty sandboxes at once on two busy processors need the better part of it.
CALL_SECONDS = 90


def compile_messages(into: Path):
    """Generates and imports the Python form of cri.proto."""
    subprocess.run(["protoc", f"--proto_path={HERE}", f"--python_out={into}", "cri.proto"], check=True)
    sys.path.insert(0, str(into))
    import cri_pb2  # noqa: PLC0415 (exists only now)

    return cri_pb2


class Runtime:
    """One container runtime behind its socket. Errors are `grpc.RpcError`, whose `details()` carries the runtime's words."""

    def __init__(self, socket: Path, messages, cgroup_parent: str):
        self._channel = grpc.insecure_channel(f"unix:{socket}")
        self._messages = messages
        self._cgroup_parent = cgroup_parent

    def _call(self, method: str, **fields):
        request = getattr(self._messages, f"{method}Request")(**fields)
        response = getattr(self._messages, f"{method}Response")
        call = self._channel.unary_unary(
            f"/runtime.v1.RuntimeService/{method}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=response.FromString,
        )
        return call(request, timeout=CALL_SECONDS)

    def conditions(self) -> dict[str, bool]:
        """RuntimeReady and NetworkReady."""
        return {condition.type: condition.status for condition in self._call("Status").status.conditions}

    def sandbox_config(self, name: str, annotations: dict[str, str]):
        return self._messages.PodSandboxConfig(
            metadata=self._messages.PodSandboxMetadata(name=name, uid=f"uid-of-{name}", namespace="default"),
            hostname=name,
            annotations=annotations,
            linux=self._messages.LinuxPodSandboxConfig(cgroup_parent=self._cgroup_parent),
        )

    def run_sandbox(self, config) -> str:
        return self._call("RunPodSandbox", config=config).pod_sandbox_id

    def stop_sandbox(self, sandbox: str):
        self._call("StopPodSandbox", pod_sandbox_id=sandbox)

    def remove_sandbox(self, sandbox: str):
        self._call("RemovePodSandbox", pod_sandbox_id=sandbox)

    def sandboxes(self) -> list[str]:
        return [item.id for item in self._call("ListPodSandbox").items]

    def addresses(self, sandbox: str) -> list[str]:
        """What the runtime would report as the pod's addresses, its primary one first."""
        network = self._call("PodSandboxStatus", pod_sandbox_id=sandbox).status.network
        return [network.ip, *(extra.ip for extra in network.additional_ips)]

    def netns(self, sandbox: str) -> str:
        """Path of the sandbox's network namespace."""
        info = self._call("PodSandboxStatus", pod_sandbox_id=sandbox, verbose=True).info["info"]
        namespaces = json.loads(info)["runtimeSpec"]["linux"]["namespaces"]
        return next(namespace["path"] for namespace in namespaces if namespace["type"] == "network")

    def start_container(self, sandbox: str, config, image: str, command: list[str]) -> str:
        container = self._messages.ContainerConfig(
            metadata=self._messages.ContainerMetadata(name="main"),
            image=self._messages.ImageSpec(image=image),
            command=command,
        )
        created = self._call("CreateContainer", pod_sandbox_id=sandbox, config=container, sandbox_config=config)
        self._call("StartContainer", container_id=created.container_id)
        return created.container_id

    def execute(self, container: str, command: list[str]) -> tuple[int, str]:
        """Exit status and output of a command inside the container."""
        done = self._call("ExecSync", container_id=container, cmd=command, timeout=30)
        return done.exit_code, (done.stdout + done.stderr).decode(errors="replace")
