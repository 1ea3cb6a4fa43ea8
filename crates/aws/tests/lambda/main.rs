//! The built Lambda binary, driven as a process by the sandbox's Lambda host: nothing inside it is replaced.

mod events;
mod support;
