//! The certificate that a message is signed with.

use jiff::Timestamp;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use webpki::ring::RSA_PKCS1_2048_8192_SHA256;
use webpki::{EndEntityCert, Error, KeyUsage};

/// A certificate that SNS has handed out itself.
///
/// That it is SNS's own is known from where it comes from: over TLS, from the pinned endpoint, which does not send its chain.
/// So no chain is followed. What it says of itself is checked each time: its name, its times, and that it is no authority's.
#[derive(Debug)]
pub(super) struct Certificate(CertificateDer<'static>);

impl Certificate {
    /// Reads the first certificate of a PEM document.
    pub(super) fn read(pem: &[u8]) -> Option<Self> {
        let der = CertificateDer::from_pem_slice(pem).ok()?;
        EndEntityCert::try_from(&der).ok()?;
        Some(Self(der))
    }

    /// Verifies that it is valid at `now`, has one of these names, and made this signature: RSA PKCS#1 with SHA-256.
    ///
    /// # Errors
    /// What is wrong.
    pub(super) fn verify(
        &self,
        names: &[String],
        now: Timestamp,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), &'static str> {
        let certificate = EndEntityCert::try_from(&self.0).map_err(|_| "its certificate is broken")?;
        let now = std::time::Duration::from_secs(now.as_second().try_into().unwrap_or(0));
        let now = UnixTime::since_unix_epoch(now);
        // Without any authority to trust, this is what it says of a certificate that is right in all but its issuer.
        match certificate.verify_for_usage(&[], &[], &[], now, KeyUsage::server_auth(), None, None) {
            Err(Error::UnknownIssuer) => {}
            Err(Error::CertExpired { .. }) => return Err("its certificate has expired"),
            Err(Error::CertNotValidYet { .. }) => return Err("its certificate is not valid yet"),
            _ => return Err("its certificate is not one to sign messages with"),
        }
        let is_named = names.iter().any(|name| {
            ServerName::try_from(name.as_str())
                .is_ok_and(|name| certificate.verify_is_valid_for_subject_name(&name).is_ok())
        });
        if !is_named {
            return Err("its certificate is for another name");
        }
        certificate
            .verify_signature(RSA_PKCS1_2048_8192_SHA256, message, signature)
            .map_err(|_| "its signature is wrong")
    }
}

#[cfg(test)]
mod tests {
    use ring::rand::SystemRandom;
    use ring::signature::{RSA_PKCS1_SHA256, RSA_PKCS1_SHA512, RsaEncoding, RsaKeyPair};

    use super::*;

    const PEM: &[u8] = include_bytes!("../../../../sandbox/keys/sns.pem");
    const EXPIRED: &[u8] = include_bytes!("../../../../sandbox/keys/sns-expired.pem");
    const EARLY: &[u8] = include_bytes!("../../../../sandbox/keys/sns-early.pem");
    const OTHER_NAME: &[u8] = include_bytes!("../../../../sandbox/keys/sns-other-name.pem");
    const KEY: &[u8] = include_bytes!("../../../../sandbox/keys/sns.pk8");
    const STRANGER: &[u8] = include_bytes!("../../../../sandbox/keys/stranger.pk8");

    fn sign(key: &[u8], encoding: &'static dyn RsaEncoding, message: &[u8]) -> Vec<u8> {
        let key = RsaKeyPair::from_pkcs8(key).unwrap();
        let mut signature = vec![0; key.public().modulus_len()];
        key.sign(encoding, &SystemRandom::new(), message, &mut signature).unwrap();
        signature
    }

    fn verify(pem: &[u8], message: &[u8], signature: &[u8]) -> Result<(), &'static str> {
        let names = ["sns-signing.eu-central-1.amazonaws.com".to_owned(), "sns.amazonaws.com".to_owned()];
        Certificate::read(pem).unwrap().verify(&names, Timestamp::now(), message, signature)
    }

    #[test]
    fn a_valid_certificate_of_the_right_name_verifies_its_own_signatures_alone() {
        let signature = sign(KEY, &RSA_PKCS1_SHA256, b"message");
        assert_eq!(verify(PEM, b"message", &signature), Ok(()));
        for (message, signature) in [
            (&b"another"[..], signature.clone()),
            (b"message", signature[1..].to_vec()),
            (b"message", Vec::new()),
            (b"message", sign(STRANGER, &RSA_PKCS1_SHA256, b"message")),
            (b"message", sign(KEY, &RSA_PKCS1_SHA512, b"message")),
        ] {
            assert_eq!(verify(PEM, message, &signature), Err("its signature is wrong"));
        }
    }

    #[test]
    fn what_a_certificate_says_of_itself_is_checked() {
        let signature = sign(KEY, &RSA_PKCS1_SHA256, b"message");
        for (pem, why) in [
            (EXPIRED, "its certificate has expired"),
            (EARLY, "its certificate is not valid yet"),
            (OTHER_NAME, "its certificate is for another name"),
        ] {
            assert_eq!(verify(pem, b"message", &signature), Err(why));
        }
        let certificate = Certificate::read(PEM).unwrap();
        let nameless = certificate.verify(&[], Timestamp::now(), b"message", &signature);
        assert_eq!(nameless, Err("its certificate is for another name"));
        let early =
            certificate.verify(&["sns.amazonaws.com".into()], Timestamp::UNIX_EPOCH, b"message", &signature);
        assert_eq!(early, Err("its certificate is not valid yet"));
    }

    #[test]
    fn what_is_no_certificate_is_none() {
        let key = b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        let broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for pem in [&b""[..], b"<html>", key, broken] {
            assert!(Certificate::read(pem).is_none());
        }
    }
}
