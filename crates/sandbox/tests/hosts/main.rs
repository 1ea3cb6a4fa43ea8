//! The hosts, driving a real child process: this test binary itself, run once more as the program of
//! [`child`].

#[cfg(test)]
mod child;
#[cfg(test)]
mod cloud_run;
#[cfg(test)]
mod functions;
#[cfg(test)]
mod lambda;
#[cfg(test)]
mod process;
