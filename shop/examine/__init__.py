"""What `xiangbo doctor` and the nightly examination look at, a file for each subject."""
