"""Which test holds which row of the contract: ``docs/contract-coverage.md`` from the marks in the tests."""
