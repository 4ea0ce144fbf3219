//! One TLS set-up for HTTP and WebSocket: the system's certificates and those of the house.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{self, CryptoProvider};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use rustls_platform_verifier::Verifier;

use super::network::Network;
use crate::api::error::Error;

/// A TLS set-up, and the certificates that it trusts besides the system's.
pub(in crate::api) struct Tls {
    pub(in crate::api) config: ClientConfig,
    pub(in crate::api) roots: Arc<ExtraRoots>,
}

/// Makes the TLS set-up. Reads no file: certificates wait for the first handshake or the first look at the warnings, because
/// this runs on the host's own thread.
pub(in crate::api) fn configure(network: &Network) -> Result<Tls, Error> {
    let files = network.certificate_files.clone();
    let roots = Arc::new(ExtraRoots { files, read: OnceLock::new() });
    let provider = Arc::new(crypto::ring::default_provider());
    let verifier = LazyVerifier {
        extra_roots: Arc::clone(&roots),
        provider: Arc::clone(&provider),
        inner: OnceLock::new(),
    };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|source| Error::Setup { source: Box::new(source) })?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    // No other protocol is built in, and a server takes the best that it is offered.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Tls { config, roots })
}

/// The certificates in the files that the environment names, read once.
#[derive(Debug)]
pub(in crate::api) struct ExtraRoots {
    files: Vec<PathBuf>,
    read: OnceLock<(Vec<CertificateDer<'static>>, Vec<String>)>,
}

impl ExtraRoots {
    /// Files or parts of them that could not be used; connections continue without them.
    pub(in crate::api) fn warnings(&self) -> &[String] {
        &self.read().1
    }

    fn read(&self) -> &(Vec<CertificateDer<'static>>, Vec<String>) {
        self.read.get_or_init(|| {
            let mut warnings = Vec::new();
            let read = |path: &PathBuf| read_certificates(path, &mut warnings);
            let certificates = self.files.iter().flat_map(read).collect();
            (certificates, warnings)
        })
    }
}

fn read_certificates(path: &Path, warnings: &mut Vec<String>) -> Vec<CertificateDer<'static>> {
    let shown = path.display();
    let items = match CertificateDer::pem_file_iter(path) {
        Ok(items) => items,
        Err(error) => {
            warnings.push(format!("certificates of {shown} are not used: {error}"));
            return Vec::new();
        }
    };
    let mut roots = RootCertStore::empty();
    let mut certificates = Vec::new();
    for item in items {
        let usable = item.map_err(|error| error.to_string()).and_then(|certificate| {
            roots.add(certificate.clone()).map_err(|error| error.to_string())?;
            Ok(certificate)
        });
        match usable {
            Ok(certificate) => certificates.push(certificate),
            Err(error) => {
                warnings.push(format!("a certificate of {shown} is not used: {error}"));
                // A reader that failed once may fail for ever.
                break;
            }
        }
    }
    if certificates.is_empty() && warnings.is_empty() {
        warnings.push(format!("{shown} holds no certificate"));
    }
    certificates
}

/// The platform's verifier, made at the first handshake: reading the system's certificates takes milliseconds that an
/// `http://` server never needs.
#[derive(Debug)]
struct LazyVerifier {
    extra_roots: Arc<ExtraRoots>,
    provider: Arc<CryptoProvider>,
    inner: OnceLock<Verifier>,
}

impl LazyVerifier {
    fn verifier(&self) -> Result<&Verifier, rustls::Error> {
        if let Some(verifier) = self.inner.get() {
            return Ok(verifier);
        }
        // A failure is not kept: the next connection tries again. Two threads may both build one; the first is kept.
        let verifier = Verifier::new_with_extra_roots(
            self.extra_roots.read().0.iter().cloned(),
            Arc::clone(&self.provider),
        )?;
        Ok(self.inner.get_or_init(|| verifier))
    }
}

impl ServerCertVerifier for LazyVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.verifier()?.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        )
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
