//! TLS settings with the machine's certificate authorities.

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;
use rustls_platform_verifier::Verifier;

/// An error while TLS is set up.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TlsError {
    /// The machine's certificate authorities cannot be read.
    #[error("no certificate authorities: {0}")]
    Roots(#[source] rustls::Error),
    /// The library refuses its own protocol versions.
    #[error("set up TLS: {0}")]
    Protocol(#[source] rustls::Error),
}

/// Returns TLS settings that trust the machine's certificate authorities and `roots`.
///
/// # Errors
/// See [`TlsError`].
pub fn tls(roots: &[CertificateDer<'static>]) -> Result<ClientConfig, TlsError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = verifier(roots)?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Protocol)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(config)
}

/// Returns a certificate verifier that trusts the machine's certificate authorities and `roots`.
///
/// # Errors
/// See [`TlsError`].
pub fn verifier(roots: &[CertificateDer<'static>]) -> Result<Verifier, TlsError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Verifier::new_with_extra_roots(roots.to_vec(), provider).map_err(TlsError::Roots)
}
