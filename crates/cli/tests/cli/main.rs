//! The built program, run as people run it.

#[cfg(test)]
mod check;
#[cfg(test)]
mod dev;
#[cfg(test)]
mod docs;
#[cfg(test)]
mod doctor;
#[cfg(test)]
mod init;
#[cfg(test)]
mod live;
#[cfg(test)]
mod policy;
#[cfg(test)]
mod replay;
#[cfg(test)]
mod send;
#[cfg(test)]
mod support;
#[cfg(test)]
mod token;
