"""A server of this machine that answers ranges, or does not, and counts what it sends."""

import http.server
import re
import threading
from contextlib import contextmanager


class RangeServer:
    """Files by name, their address, and how many bytes were sent in how many answers."""

    def __init__(self, files, answers_ranges=True):
        self.files, self.answers_ranges = files, answers_ranges
        self.address, self.sent, self.answers = "", 0, 0

    def forget(self):
        """Count anew."""
        self.sent = self.answers = 0


@contextmanager
def serving(files, answers_ranges=True):
    """Serve the bytes of `files`, a dict, while the block runs."""
    server = RangeServer(files, answers_ranges)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.answer(body=False)

        def do_GET(self):
            self.answer(body=True)

        def answer(self, body):
            content = server.files.get(self.path.strip("/"))
            if content is None:
                self.send_error(404)
                return
            asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
            part = content
            if asked and server.answers_ranges:
                first, last = map(int, asked.groups())
                part = content[first : last + 1]
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
            else:
                self.send_response(200)
            if server.answers_ranges:
                self.send_header("Accept-Ranges", "bytes")
            self.send_header("Content-Length", str(len(part)))
            self.end_headers()
            if body:
                server.sent, server.answers = server.sent + len(part), server.answers + 1
                self.wfile.write(part)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        server.address = f"http://127.0.0.1:{running.server_address[1]}"
        try:
            yield server
        finally:
            running.shutdown()
            thread.join()
