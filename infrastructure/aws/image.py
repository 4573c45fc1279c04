"""The worker's image: its source, and how CodeBuild makes an image of it."""

import hashlib
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from contract.errors import PlatformError
from infrastructure.aws.calls import aws_errors_as, error_code
from infrastructure.aws.locked import locked, needed

_PACKAGE_FOLDER = Path(__file__).resolve().parents[2]
_DOCKERFILE = _PACKAGE_FOLDER / "infrastructure" / "Dockerfile"
_PACKAGES = (
    "blocks", "cli", "contract", "expectations", "flows", "infrastructure", "jobs", "lake", "serving", "tasks", "transforms",
)  # fmt: skip
# Spark and the expectations run in Glue.
_ELSEWHERE = ("pyspark", "delta-spark", "great-expectations")
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same sources give the same bytes
_POLL_SECONDS = 5.0

Log = Callable[[str], None]


@dataclass(frozen=True)
class ImageSource:
    """A zip of what the image is built from, and the image that it is built on; the same two are built once."""

    path: Path
    digest: str
    base: str

    @property
    def tag(self) -> str:
        """Return the tag of the image that this source makes of its base."""
        return hashlib.sha256(f"{self.digest} {self.base}".encode()).hexdigest()[:16]

    @property
    def key(self) -> str:
        """Return the key of the source in the artifact bucket."""
        return f"worker/{self.digest}/source.zip"


def build_source(out: Path, base: str) -> ImageSource:
    """Write `worker.zip` below `out`: Dockerfile, packages, and the locked requirements that they need; `base` is an image."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / "worker.zip"
    requirements = locked(needed(["churn-lakehouse"], without=_ELSEWHERE) - {"churn-lakehouse"})
    contents = {"Dockerfile": _DOCKERFILE.read_bytes(), "requirements.txt": requirements.encode()}
    contents |= {f"packages/{file.relative_to(_PACKAGE_FOLDER).as_posix()}": file.read_bytes() for file in _files()}
    digest = hashlib.sha256()  # of what is in it: how well a zip is compressed differs from machine to machine
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in contents.items():
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), content, zipfile.ZIP_DEFLATED)
            digest.update(f"{name} {len(content)} ".encode() + content)
    return ImageSource(path, digest.hexdigest()[:16], base)


def build_image(
    client: Callable[[str], Any],
    source: ImageSource,
    bucket: str,
    outputs: Mapping[str, str],
    log: Log,
    poll_seconds: float = _POLL_SECONDS,
) -> None:
    """Have the uploaded source built, unless its image is there; `outputs` are those of the worker's stack.

    Raises PlatformError with the reason and the place of the log when the build fails.
    """
    repository, project = outputs["ImageRepository"], outputs["BuildProject"]
    with aws_errors_as(f"building the worker's image with {project}"):
        if _is_there(client("ecr"), repository, source.tag):
            log(f"the image {repository}:{source.tag} is there")
            return
        codebuild = client("codebuild")
        build = codebuild.start_build(
            projectName=project,
            sourceLocationOverride=f"{bucket}/{source.key}",
            # The project has the base of the last deployment: a new one may be what this build needs.
            environmentVariablesOverride=[
                {"name": "TAG", "value": source.tag},
                {"name": "BASE_IMAGE", "value": source.base},
            ],
        )["build"]
        log(f"building the image {repository}:{source.tag} on {source.base}, which takes some minutes")
        build = _finished(codebuild, build["id"], log, poll_seconds)
    if build["buildStatus"] != "SUCCEEDED":
        raise PlatformError(
            f"the worker's image was not built ({build['buildStatus']}): {_reason(build)}. Its log: "
            f"{build.get('logs', {}).get('deepLink', 'in CodeBuild')}. Deploy again when the reason is gone"
        )


def _files() -> list[Path]:
    found = (path for package in _PACKAGES for path in (_PACKAGE_FOLDER / package).rglob("*"))
    return sorted(path for path in found if path.is_file() and "__pycache__" not in path.parts)


def _is_there(ecr: Any, repository: str, tag: str) -> bool:
    try:
        return bool(ecr.describe_images(repositoryName=repository, imageIds=[{"imageTag": tag}])["imageDetails"])
    except ClientError as error:
        if error_code(error) != "ImageNotFoundException":
            raise
        return False


def _finished(codebuild: Any, build_id: str, log: Log, poll_seconds: float) -> dict[str, Any]:
    """Log each phase of a build, and return the build at its end."""
    phase = ""
    while True:
        (build,) = codebuild.batch_get_builds(ids=[build_id])["builds"]
        if build.get("currentPhase", "") != phase:
            phase = build.get("currentPhase", "")
            log(f"image: {phase.lower().replace('_', ' ')}")
        if build["buildStatus"] != "IN_PROGRESS":
            return dict(build)
        time.sleep(poll_seconds)


def _reason(build: Mapping[str, Any]) -> str:
    """What the phases that failed say."""
    failed = (phase for phase in build.get("phases", ()) if phase.get("phaseStatus") not in (None, "SUCCEEDED"))
    messages = [
        f"{phase['phaseType']}: {context['message']}"
        for phase in failed
        for context in phase.get("contexts", ())
        if context.get("message")
    ]
    return "; ".join(messages) or "no reason given"
