# SPDX-License-Identifier: GPL-3.0-or-later
#
# server.py FOLDER: serves the files of a folder on a free port of 127.0.0.1, which it prints, and logs each request to
# FOLDER.log as "PATH RANGE". The first part of a path says how the server behaves:
#   /ok/FILE         with ranges               /redirect/FILE   302 to /ok/FILE
#   /norange/FILE    ranges are ignored        /loop/FILE       302 to itself
#   /badrange/FILE   206 with another range    /file/FILE       302 to file:///etc/passwd
#   /cut/FILE        half, then it hangs up; a range is answered in full
#   /wrong/FILE      other bytes in gzip       /html/FILE       200 with a web page
#   /stall/FILE      1000 bytes, then nothing  /slow/FILE       4 kB in 10 ms
import gzip, http.server, os, re, sys, threading, time

folder = sys.argv[1]
log = open(folder + ".log", "a", buffering=1)

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def answer(self, status, body, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def hang_up(self):
        self.wfile.flush()
        self.close_connection = True
        self.connection.close()

    def do_GET(self):
        wanted = self.headers.get("Range")
        log.write("%s %s\n" % (self.path, wanted or "-"))
        _, how, name = (self.path.split("/", 2) + [""])[:3]
        path = os.path.join(folder, name)
        if how == "redirect":
            return self.answer(302, b"", Location="/ok/" + name)
        if how == "loop":
            return self.answer(302, b"", Location=self.path)
        if how == "file":
            return self.answer(302, b"", Location="file:///etc/passwd")
        if "/" in name or not os.path.isfile(path):
            return self.answer(404, b"not here")
        content = open(path, "rb").read()
        if how == "html":
            return self.answer(200, b"<!DOCTYPE html><html>please log in</html>", Content_Type="text/html")
        if how == "wrong":
            return self.answer(200, gzip.compress(b"\0\0\10\1" + bytes(1000), 1))
        first = int(re.match(r"bytes=(\d+)-", wanted).group(1)) if wanted else 0
        if wanted and how == "badrange":
            return self.answer(206, content[:10], Content_Range="bytes 0-9/%d" % len(content))
        if wanted and how != "norange":
            if first >= len(content):
                return self.answer(416, b"", Content_Range="bytes */%d" % len(content))
            return self.answer(206, content[first:], Content_Range="bytes %d-%d/%d" % (first, len(content) - 1, len(content)))
        if how in ("cut", "stall", "slow"):
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if how == "cut":
                self.wfile.write(content[:len(content) // 2])
            elif how == "stall":
                self.wfile.write(content[:1000])
                self.wfile.flush()
                time.sleep(20)
            else:
                for at in range(0, len(content), 4096):
                    self.wfile.write(content[at:at + 4096])
                    time.sleep(0.01)
            return self.hang_up()
        return self.answer(200, content)

class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, address):
        pass

server = Server(("127.0.0.1", 0), Handler)
parent = os.getppid()

def end_with_parent():
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(0)

threading.Thread(target=end_with_parent, daemon=True).start()
print(server.server_address[1], flush=True)
server.serve_forever()
