// A certificate for 127.0.0.1 that is its own authority, for a test's server of https, and its key, which is nobody's
// secret. Good until 2126:
// openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 36500 -subj '/CN=test issuer' \
//   -addext 'subjectAltName=IP:127.0.0.1' -keyout key.pem -out cert.pem

export const cert = `-----BEGIN CERTIFICATE-----
MIIBlDCCATqgAwIBAgIUQRwedd2eZSZ/MSojjIaOHwY+tLgwCgYIKoZIzj0EAwIw
FjEUMBIGA1UEAwwLdGVzdCBpc3N1ZXIwIBcNMjYxMTI2MDcwOTIzWhgPMjEyNjEx
MDIwNzA5MjNaMBYxFDASBgNVBAMMC3Rlc3QgaXNzdWVyMFkwEwYHKoZIzj0CAQYI
KoZIzj0DAQcDQgAEhZvqsC1MvMYb5IAlK5zpSY+c8XFoWRFEEpeihxTP4PvLWgOF
2cBWPWXFW6NxsaHU372iwxrSgAh4b5reOcee5aNkMGIwHQYDVR0OBBYEFCcERS9x
X8lCbJ7hMVwAekIHGsKyMB8GA1UdIwQYMBaAFCcERS9xX8lCbJ7hMVwAekIHGsKy
MA8GA1UdEwEB/wQFMAMBAf8wDwYDVR0RBAgwBocEfwAAATAKBggqhkjOPQQDAgNI
ADBFAiEAoVSLarqOkmyppihweT7bxGgKcfHZyJ2RJEVfRCjvryoCIBrmRYcCQtIR
QgqCdmnKlM0GSSz3DosQsokFVqQMzIc4
-----END CERTIFICATE-----
`;

export const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgYZjVQ2M6tCRzJzhs
GccuIssrHwdTPJsC0SMgw9RT5HGhRANCAASFm+qwLUy8xhvkgCUrnOlJj5zxcWhZ
EUQSl6KHFM/g+8taA4XZwFY9ZcVbo3GxodTfvaLDGtKACHhvmt45x57l
-----END PRIVATE KEY-----
`;
