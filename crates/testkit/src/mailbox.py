"""A mail server that writes what it is given, one JSON line to a mail, into a file, and only then says that it has it.

mailbox.py PORT FILE. Says "ready" once it listens. It knows nobody called `nobody`, and has no room for `later`.
"""

import email
import email.policy
import json
import os
import sys
import threading

from aiosmtpd.controller import Controller


class Mailbox:
    def __init__(self, path):
        self.file = open(path, "a", encoding="utf-8")

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody@"):
            return f"550 5.1.1 <{address}> is not known here"
        if address.startswith("later@"):
            return f"452 4.2.2 the mailbox of {address} is full"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        line = {
            "to": envelope.rcpt_tos,
            "from": envelope.mail_from,
            "subject": mail["Subject"],
            "message_id": mail["Message-ID"],
            "body": mail.get_content(),
        }
        self.file.write(json.dumps(line) + "\n")
        self.file.flush()
        os.fsync(self.file.fileno())
        return "250 OK"


if __name__ == "__main__":
    port, path = int(sys.argv[1]), sys.argv[2]
    controller = Controller(Mailbox(path), hostname="127.0.0.1", port=port)
    controller.start()
    print("ready", flush=True)
    threading.Event().wait()
