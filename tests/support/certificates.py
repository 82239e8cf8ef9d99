"""Certificates that the servers of tests show, and their clients."""

import subprocess


def certificate(folder, name, authority=None):
    """Files of one: for 127.0.0.1, signed by that authority; without one, an authority itself."""
    key, cert, request = (folder / f"{name}.{kind}" for kind in ("key", "pem", "csr"))
    new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(key), "-subj", f"/CN={name}"]
    if authority is None:
        subprocess.run(["openssl", "req", "-x509", *new, "-days", "2", "-out", str(cert)], check=True, capture_output=True)
    else:
        extensions = folder / f"{name}.ext"
        extensions.write_text("subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n")
        subprocess.run(["openssl", "req", *new, "-out", str(request)], check=True, capture_output=True)
        subprocess.run(["openssl", "x509", "-req", "-in", str(request), "-CA", str(authority[0]), "-CAkey", str(authority[1]),
                        "-CAcreateserial", "-days", "2", "-extfile", str(extensions), "-out", str(cert)], check=True,
                       capture_output=True)
    return cert, key
