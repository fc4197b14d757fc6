#!/usr/bin/python3
"""Reads every sample notification with Python's mail parser, after undoing the dot-stuffing."""
import email
import email.policy
import subprocess
import unittest


class Notification(unittest.TestCase):
    def read(self, name):
        wire = subprocess.run(["./dsn_samples", name], check=True, stdout=subprocess.PIPE).stdout
        self.assertTrue(wire.endswith(b"\r\n"))
        self.assertNotIn(b"\n", wire.replace(b"\r\n", b""))
        self.assertNotIn(b"\r", wire.replace(b"\r\n", b""))
        lines = wire.split(b"\r\n")
        for line in lines:
            self.assertLessEqual(len(line), 998)
            self.assertFalse(line.startswith(b".") and not line.startswith(b".."), line)
        plain = b"\r\n".join(l[1:] if l.startswith(b".") else l for l in lines)
        message = email.message_from_bytes(plain, policy=email.policy.default)
        self.assertEqual(message.get_content_type(), "multipart/report")
        self.assertEqual(message.get_param("report-type"), "delivery-status")
        self.assertEqual(message["Auto-Submitted"], "auto-replied")
        self.assertEqual(message["MIME-Version"], "1.0")
        self.assertEqual(message["Date"].datetime.timestamp(), 1700000000)
        self.assertEqual(message["From"].addresses[0].addr_spec, "MAILER-DAEMON@hub1.example")
        self.assertEqual(message["Message-ID"], "<20260131.4F2A-1@hub1.example>")
        self.assertEqual(message.defects, [])
        text, report, third = message.get_payload()
        self.assertEqual(text.get_content_type(), "text/plain")
        self.assertEqual(report.get_content_type(), "message/delivery-status")
        self.wire, self.message, self.third = wire, message, third
        self.text = text.get_content().replace("\r\n", "\n")
        self.first = self.text.split("\n")[0]
        self.per_message, *self.rcpts = report.get_payload()
        for block in report.get_payload():
            self.assertEqual(block.defects, [])
        self.assertEqual(self.per_message["Reporting-MTA"], "dns; hub1.example")

        self.assertNotIn(b"X-Waypost-Organization", wire)

    def is_7bit(self):
        self.assertTrue(self.wire.isascii())
        self.assertEqual(self.message["Content-Transfer-Encoding"], "7bit")

    def test_failed(self):
        self.read("failed")
        self.is_7bit()
        self.assertEqual(self.message["To"].addresses[0].addr_spec, "sender@a.example")
        self.assertEqual(self.message["In-Reply-To"], "<original@a.example>")
        self.assertEqual(self.first,
                         "Your message could not be delivered to bob@b.example: the address does "
                         "not exist there. Check the spelling of the address and send the message "
                         "again.")
        self.assertIn("mx.b.example [192.0.2.1:25] answered at stage rcpt: 550 5.1.1 no such "
                      "user here", " ".join(self.text.split()))
        self.assertIn("help@a.example", self.text)
        self.assertIn("4F2A-0", self.text)
        self.assertEqual(self.per_message["Original-Envelope-Id"], "QQ+314")
        self.assertEqual(self.per_message["Received-From-MTA"], "dns; client.a.example")
        self.assertEqual(self.per_message["Arrival-Date"], "Tue, 14 Nov 2023 21:56:40 +0000")
        self.assertEqual(len(self.rcpts), 1)
        rcpt = self.rcpts[0]
        self.assertEqual(rcpt["Original-Recipient"], "rfc822;Bob+x@b.example")
        self.assertEqual(rcpt["Final-Recipient"], "rfc822; bob@b.example")
        self.assertEqual(rcpt["Action"], "failed")
        self.assertEqual(rcpt["Status"], "5.1.1")
        self.assertEqual(rcpt["Remote-MTA"], "dns; mx.b.example")
        self.assertEqual(rcpt["Diagnostic-Code"], "smtp; 550 5.1.1 no such user here")
        self.assertNotIn("Will-Retry-Until", rcpt)
        self.assertEqual(self.third.get_content_type(), "text/rfc822-headers")
        header = self.third.get_payload()
        self.assertIn("Received: from x\r\n by y; date\r\n", header)
        self.assertIn("\r\n.odd: a stuffed line", header)
        self.assertNotIn("body", header)

    def test_delayed(self):
        self.read("delayed")
        self.assertEqual(self.message["Subject"], "Your message is delayed")
        self.assertEqual(self.first,
                         "Your message is still on its way to bob@b.example: the receiving system "
                         "did not answer. You need not send it again: it will be tried until Thu, "
                         "16 Nov 2023 22:13:20 +0000.")
        rcpt = self.rcpts[0]
        self.assertEqual(rcpt["Action"], "delayed")
        self.assertEqual(rcpt["Status"], "4.4.1")
        self.assertEqual(rcpt["Diagnostic-Code"], "x-waypost; connection refused")
        self.assertEqual(rcpt["Will-Retry-Until"], "Thu, 16 Nov 2023 22:13:20 +0000")
        self.assertNotIn("Remote-MTA", rcpt)

    def test_others(self):
        self.read("others")
        self.assertEqual(self.first, "Your message was delivered to a@b.example.")
        self.assertEqual([r["Action"] for r in self.rcpts], ["delivered", "relayed", "expanded"])
        self.assertEqual([r["Status"] for r in self.rcpts], ["2.0.0", "2.1.9", "2.0.0"])

    def test_many(self):
        self.read("many")
        self.assertTrue(self.first.startswith(
            "Your message could not be delivered to user1@b.example and 198 more: "))
        self.assertIn("\nand 100 more: see the report below.\n", self.text)
        self.assertEqual(len(self.rcpts), 200)

    def test_hostile(self):
        self.read("hostile")
        self.is_7bit()
        self.assertEqual(len(self.message.get_payload()), 3)
        for part in [self.message, self.per_message, *self.rcpts]:
            self.assertNotIn("X-Evil", part)
            self.assertNotIn("Bcc", part)
        self.assertEqual(len(self.rcpts), 2)
        self.assertNotIn("In-Reply-To", self.message)
        self.assertNotEqual(self.message.get_boundary(), "=_20260131.4F2A-1_0")
        self.assertEqual(self.rcpts[0]["Action"], "failed")
        self.assertEqual(self.rcpts[0]["Status"], "5.0.0")
        self.assertNotIn("\nX-Evil", self.text)
        self.assertIn("?? nul: !", self.third.get_payload())

    def test_utf8(self):
        self.read("utf8")
        self.is_7bit()
        self.assertEqual(self.message["To"], "undisclosed-recipients:;")
        self.assertEqual(self.rcpts[0]["Final-Recipient"],
                         "utf-8; m\\x{FC}ller\\x{1F4EB}@b.example")
        self.assertEqual(self.rcpts[1]["Final-Recipient"], "rfc822; m?ller@b.example")
        self.assertIn("m\\x{FC}ller", self.first)

    def test_full(self):
        self.read("full")
        self.is_7bit()
        self.assertEqual(self.third.get_content_type(), "message/rfc822")
        inner = self.third.get_payload(0)
        self.assertEqual(inner["Subject"], "hello")
        self.assertEqual(self.third.get_payload(0).get_payload(), "body\r\n.a dot\r\n")

    def test_full_8bit(self):
        self.read("full-8bit")
        self.assertEqual(self.message["Content-Transfer-Encoding"], "8bit")
        self.assertEqual(self.third["Content-Transfer-Encoding"], "8bit")
        self.assertIn(b"Subject: gr\xc3\xbc\xc3\x9f\r\n\r\n\xc3\xa4\r\n", self.wire)


if __name__ == "__main__":
    unittest.main()
