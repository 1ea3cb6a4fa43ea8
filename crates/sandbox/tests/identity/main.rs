//! The identity endpoints, asked as the clouds' own clients ask them: by the official signer and by `gcp_auth`
//! where there is one, by hand where a header or parameter must be wrong.

#[cfg(test)]
mod aws;
#[cfg(test)]
mod azure;
#[cfg(test)]
mod gcp;
#[cfg(test)]
mod support;
