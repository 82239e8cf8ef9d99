"""Several files of tests at one time, each in a process of its own: they wait more than they work.

    at_once.py FILE...
"""

import subprocess
import sys
import tempfile


def main(*files):
    with tempfile.TemporaryDirectory() as folder:
        running = []
        for number, file in enumerate(files):
            with open(f"{folder}/{number}", "wb") as output:
                running.append(subprocess.Popen([sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", file],
                                                stdout=output, stderr=output))
        codes = [process.wait() for process in running]
        for number, file in enumerate(files):
            with open(f"{folder}/{number}", encoding="utf-8", errors="replace") as output:
                print(f"== {file}\n{output.read()}", flush=True)
    return max(codes)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
