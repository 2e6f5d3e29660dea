//! What a certificate says: its names, written as the configuration writes them, and its end.

use rustls::pki_types::CertificateDer;
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

/// The names of a certificate: `subject:…`, `dns:…` and `uri:…`. None if it cannot be read.
pub(super) fn names(certificate: &CertificateDer<'_>) -> Option<Vec<String>> {
    let certificate = Certificate::from_der(certificate).ok()?.tbs_certificate;
    let mut names = vec![format!("subject:{}", certificate.subject)];
    let alternatives = certificate.get::<SubjectAltName>().ok()?;
    for name in alternatives.map(|(_, names)| names.0).unwrap_or_default() {
        match name {
            GeneralName::DnsName(name) => names.push(format!("dns:{name}")),
            GeneralName::UniformResourceIdentifier(name) => names.push(format!("uri:{name}")),
            _ => {}
        }
    }
    Some(names)
}

/// When a certificate ends, in seconds since 1970. None if it cannot be read.
pub(super) fn expires(certificate: &CertificateDer<'_>) -> Option<u64> {
    let certificate = Certificate::from_der(certificate).ok()?;
    Some(certificate.tbs_certificate.validity.not_after.to_unix_duration().as_secs())
}
