"""The local warehouse as a process: PostgreSQL behind the Redshift stand-in.

python -m infrastructure.local.redshift.server --folder .churn/warehouse --port 5439
"""

import argparse
import asyncio
import signal
from pathlib import Path

from infrastructure.local.redshift.account import DATABASE, USER, ensure_password
from infrastructure.local.redshift.postgres import running_postgres
from infrastructure.local.redshift.proxy import Proxy
from infrastructure.local.redshift.users import Login


async def serve(folder: Path, port: int) -> None:
    """Serve on the loopback interface until the process is terminated."""
    password = ensure_password(folder)
    with running_postgres(folder / "data", (DATABASE,)) as socket_path:
        server = await asyncio.start_server(Proxy(socket_path, Login(USER, password)).handle, "127.0.0.1", port)
        stopped = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
        async with server:
            await stopped.wait()


def main() -> None:
    """Serve until stopped. Arguments: the folder of the data, and the port."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    asyncio.run(serve(options.folder.resolve(), options.port))


if __name__ == "__main__":
    main()
