//! Where a cloud keeps secrets, as far as a webhook's may be there.

use crate::config::SecretSource;
use crate::deadline::Deadline;
use crate::failure::Failure;
use crate::id_token::Pending;
use crate::secret::WebhookSecret;

/// A cloud's own store of secrets. Its adapter brings it, and reaches it with the cloud's own identity.
pub trait SecretStore: Send + Sync {
    /// Whether it keeps secrets of this kind.
    fn keeps(&self, source: &SecretSource) -> bool;

    /// The secret as it is now. Only for what [`SecretStore::keeps`] says yes to.
    ///
    /// # Errors
    /// Deferred when the store or the identity cannot answer now; Refused when it is not there, is empty, or may not be read.
    /// The message names the source and never its content.
    fn read<'a>(
        &'a self,
        source: &'a SecretSource,
        deadline: Deadline,
    ) -> Pending<'a, Result<WebhookSecret, Failure>>;
}
