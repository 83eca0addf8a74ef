"""Set in every interpreter that is started with this folder on its path: writes down whatever reaches for a network.

Also the programs that are started, because a network could be reached by another program.
"""

import os
import sys

_LOG = os.environ.get("SHORTAXIS_NETWORK_LOG")
_REACHES = (
    "socket.",
    "urllib.",
    "http.client.",
    "ftplib.",
    "smtplib.",
    "poplib.",
    "imaplib.",
    "nntplib.",
    "telnetlib.",
)
_STARTS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.startfile", "pty.spawn")
_OWN_FAMILY = 1  # AF_UNIX: pipes between processes of one machine


def _told(event: str, arguments: tuple[object, ...]) -> str | None:
    if event == "socket.__new__":
        return None if arguments[1] == _OWN_FAMILY else f"{event} {arguments[1:]!r}"
    if event in ("socket.connect", "socket.bind", "socket.sendto") and isinstance(arguments[1], (str, bytes)):
        return None  # the name of such a pipe
    if event.startswith(_REACHES):
        return f"{event} {arguments[1:]!r}" if event != "socket.gethostname" else None  # asks the kernel alone
    if event.startswith(_STARTS):
        return (
            None if str(arguments[0]) in (sys.executable, os.fsencode(sys.executable)) else f"{event} {arguments[0]!r}"
        )
    return None


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    told = _told(event, arguments)
    if told is not None:
        line = f"{os.environ.get('SHORTAXIS_COMMAND', 'import')}: {told}\n".encode("utf-8", "backslashreplace")
        handle = os.open(str(_LOG), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(handle, line)
        os.close(handle)


if _LOG:
    sys.addaudithook(_hook)
