# Run the gate, as CI does
ci:
    .ci/run

# Run all tests
test:
    cargo test --locked

# Look for what clippy finds
lint:
    cargo clippy --all-targets --locked -- -D warnings

# Format the sources
fmt:
    cargo fmt

# Run the quickstart
run:
    cargo run --release --locked -- run sessions/quickstart.toml
