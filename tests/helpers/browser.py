"""Chromium without a window, driven through the DevTools protocol: pages as a reader sees them.

The protocol's messages go through two pipes (JSON, each ended by a zero byte), so no library is
needed. Every request is held until it is looked at, and refused if it would leave the machine.
"""

import fcntl
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path

PROGRAM = "chromium"
LIMIT = 30  # seconds for an answer
HARMLESS = ("file:", "data:", "blob:", "about:")
# what Chromium would ask of the network by itself is switched off
FLAGS = """--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run
--disable-background-networking --disable-component-update --disable-sync --remote-debugging-pipe
--proxy-server=127.0.0.1:9""".split()


def reason_against() -> str | None:
    """Why there is no browser here; None if there is one."""
    if shutil.which(PROGRAM):
        return None
    return f"no {PROGRAM} on this machine (on Debian: apt-get install chromium)"


class Browser:
    """A running Chromium, in a profile of its own; every page is opened in one tab."""

    def __init__(self, folder: Path):
        ends = [
            fcntl.fcntl(end, fcntl.F_DUPFD, 10) for pipe in (os.pipe(), os.pipe()) for end in pipe
        ]
        theirs_in, self.out, self.into, theirs_out = ends

        def connect():
            os.dup2(theirs_in, 3)
            os.dup2(theirs_out, 4)

        self.process = subprocess.Popen(
            [PROGRAM, *FLAGS, f"--user-data-dir={folder}", "about:blank"],
            preexec_fn=connect,
            pass_fds=(3, 4),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self.number, self.rest, self.answers = 0, b"", {}
        self.errors: list[str] = []  # of consoles and scripts
        self.refused: list[str] = []  # addresses beyond this machine that were asked for
        self.contexts: dict[
            tuple[str, int], str
        ] = {}  # (session, context) of every frame's scripts
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        attached = self.ask("Target.attachToTarget", targetId=target, flatten=True)
        self.session = attached["sessionId"]
        self._watch(self.session)

    def close(self):
        self.process.terminate()
        self.process.wait()

    def open(self, file: Path, width: int = 1280, dark: bool = False):
        """Open a file, and wait until it and its frames are loaded."""
        self.errors.clear()
        self.refused.clear()
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self.say("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.say("Emulation.setEmulatedMedia", features=[scheme])
        self.say("Page.navigate", url=file.resolve().as_uri())
        self.wait("document.readyState === 'complete' && location.protocol === 'file:'")

    def value(self, expression: str):
        """What a JavaScript expression gives in the page."""
        return self._evaluated(self.session, expression)

    def frames(self, expression: str) -> list:
        """What the expression gives in the page and in each frame in it."""
        self.fix_layout()
        return [
            self._evaluated(session, expression, context)
            for session, context in list(self.contexts)
        ]

    def wait(self, expression: str):
        """Wait until an expression is true in the page."""
        end = time.monotonic() + LIMIT
        while not self.value(expression):
            assert time.monotonic() < end, f"not true in {LIMIT} s: {expression}"
            time.sleep(0.05)
        self.fix_layout()

    def fix_layout(self):
        """Take in what is reported, until nothing has been for a while."""
        while self._hear(0.15):
            pass

    def _evaluated(self, session: str, expression: str, context: int | None = None):
        where = {} if context is None else {"contextId": context}
        found = self.ask(
            "Runtime.evaluate", session, expression=expression, returnByValue=True, **where
        )
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def _watch(self, session: str):
        """Have a page or frame report its requests, errors and frames."""
        self.ask("Fetch.enable", session)
        for domain in ("Page", "Runtime", "Log"):
            self.ask(f"{domain}.enable", session)
        options = {"autoAttach": True, "waitForDebuggerOnStart": True, "flatten": True}
        self.ask("Target.setAutoAttach", session, **options)

    def say(self, method: str, **parameters):
        """Ask the page for something, and wait until it is done."""
        return self.ask(method, self.session, **parameters)

    def ask(self, method: str, session: str | None = None, **parameters):
        """The browser's answer to a command."""
        number = self._send(method, session, parameters)
        end = time.monotonic() + LIMIT
        while number not in self.answers:
            assert time.monotonic() < end, f"no answer to {method} in {LIMIT} s"
            self._hear(1)
        answer = self.answers.pop(number)
        assert "error" not in answer, (method, answer["error"])
        return answer["result"]

    def _send(self, method, session, parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        message |= {"sessionId": session} if session else {}
        os.write(self.out, json.dumps(message).encode() + b"\0")
        return self.number

    def _hear(self, patience: float) -> bool:
        """Take in what the browser says within so many seconds; whether it said anything."""
        if not select.select([self.into], [], [], patience)[0]:
            return False
        *messages, self.rest = (self.rest + os.read(self.into, 1 << 20)).split(b"\0")
        for text in messages:
            message = json.loads(text)
            if "id" in message:
                self.answers[message["id"]] = message
            else:
                self._note(message.get("sessionId"), message["method"], message["params"])
        return True

    def _note(self, session: str, event: str, said: dict):
        if event == "Fetch.requestPaused":
            address = said["request"]["url"]
            refusal = {"requestId": said["requestId"]}
            if address.startswith(HARMLESS):
                self._send("Fetch.continueRequest", session, refusal)
            else:
                self.refused.append(address)
                refusal["errorReason"] = "BlockedByClient"
                self._send("Fetch.failRequest", session, refusal)
        elif event == "Target.attachedToTarget":
            self._watch(said["sessionId"])
            self._send("Runtime.runIfWaitingForDebugger", said["sessionId"], {})
        elif event == "Runtime.executionContextCreated":
            self.contexts[session, said["context"]["id"]] = said["context"]["origin"]
        elif event == "Runtime.executionContextDestroyed":
            self.contexts.pop((session, said["executionContextId"]), None)
        elif event == "Runtime.executionContextsCleared":
            self.contexts = {key: v for key, v in self.contexts.items() if key[0] != session}
        elif event == "Target.detachedFromTarget":
            gone = said["sessionId"]
            self.contexts = {key: v for key, v in self.contexts.items() if key[0] != gone}
        elif event == "Runtime.consoleAPICalled" and said["type"] == "error":
            self.errors.append(str([one.get("value") for one in said["args"]]))
        elif event == "Runtime.exceptionThrown":
            self.errors.append(str(said["exceptionDetails"].get("exception", said)))
        elif event == "Log.entryAdded" and said["entry"]["level"] == "error":
            self.errors.append(said["entry"]["text"])
