//! Pub/Sub and Queue Storage, and who is called by them.

#[cfg(test)]
mod endpoint;
#[cfg(test)]
mod functions;
#[cfg(test)]
mod pubsub;
#[cfg(test)]
mod storage_queue;
