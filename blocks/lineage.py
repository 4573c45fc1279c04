"""Where lineage events go: anything that receives OpenLineage over HTTP, as Marquez and DataHub do."""

from collections.abc import Iterable

import httpx
from prefect.blocks.core import Block
from pydantic import Field, SecretStr

from contract.errors import PlatformError

DEFAULT_NAMESPACE = "churn"
_PATH = "api/v1/lineage"
_SHOWN_CHARACTERS = 200


class Lineage(Block):
    """A receiver of OpenLineage events."""

    _block_type_name = "Churn Lineage"
    _block_type_slug = "churn-lineage"
    _description = "Sends OpenLineage events to Marquez, DataHub or another receiver."

    url: str = Field(title="URL", description=f"Address of the receiver, without the path {_PATH}.")
    api_key: SecretStr = Field(
        default=SecretStr(""), title="API key", description="Sent as a bearer token; empty for none."
    )
    namespace: str = Field(
        default=DEFAULT_NAMESPACE,
        title="Namespace",
        description="Namespace of the jobs: one for each environment that sends to the same receiver.",
    )
    timeout_seconds: float = Field(default=10.0, title="Timeout", description="Seconds to wait for an answer.")

    def send(self, events: Iterable[str]) -> int:
        """Send events, JSON texts, in their order, and return how many. Raises PlatformError at the first not taken."""
        count = 0
        with httpx.Client(headers=self._headers(), timeout=self.timeout_seconds) as client:
            for count, event in enumerate(events, start=1):  # noqa: B007 - returned
                self._post(client, event)
        return count

    def _headers(self) -> dict[str, str]:
        key = self.api_key.get_secret_value()
        return {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})

    def _post(self, client: httpx.Client, event: str) -> None:
        try:
            answer = client.post(f"{self.url.rstrip('/')}/{_PATH}", content=event)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise PlatformError(
                f"the receiver of lineage {self.url} cannot be reached: {type(error).__name__}"
            ) from error
        if not answer.is_success:
            said = answer.text[:_SHOWN_CHARACTERS]
            raise PlatformError(f"the receiver of lineage {self.url} answered {answer.status_code}: {said}")
