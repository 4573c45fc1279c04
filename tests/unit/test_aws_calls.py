"""Calls to AWS: pauses between polls, and what each kind of error means."""

import itertools

import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    ReadTimeoutError,
)
from hypothesis import given
from hypothesis import strategies as st

from contract.errors import JobError, PlatformError, QueryError
from infrastructure.aws.calls import NO_RETRY, RETRYING, aws_errors_as, error_code, poll_intervals

seconds = st.floats(0.01, 1000)


def _refused(code="ThrottlingException", message="slow down"):
    return ClientError({"Error": {"Code": code, "Message": message}}, "StartJobRun")


def _raised(problem, *kind):
    with pytest.raises(PlatformError if not kind else kind[0]) as error, aws_errors_as("starting it", *kind):
        raise problem
    return error.value


@given(seconds, seconds)
def test_pauses_grow_up_to_longest(first, longest):
    pauses = list(itertools.islice(poll_intervals(first, longest), 40))
    assert pauses[0] == min(first, longest)
    assert pauses == sorted(pauses)
    assert max(pauses) <= longest
    for shorter, longer in itertools.pairwise(pauses):
        assert longer == pytest.approx(min(shorter * 1.5, longest))


def test_pauses_never_end():
    assert len(list(itertools.islice(poll_intervals(0.2, 3.0), 1000))) == 1000


@pytest.mark.parametrize(
    ("response", "code"),
    [
        ({"Error": {"Code": "AccessDenied"}}, "AccessDenied"),
        ({"Error": {}}, ""),
        ({}, ""),
        ({"Error": {"Code": 404}}, "404"),
    ],
)
def test_code_is_always_text(response, code):
    assert error_code(ClientError(response, "GetObject")) == code


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("ExpiredToken", "expired or are not known (told). Renew them"),
        ("ExpiredTokenException", "Renew them and run again"),
        ("RequestExpired", "Renew them and run again"),
        ("InvalidClientTokenId", "Renew them and run again"),
        ("UnrecognizedClientException", "Renew them and run again"),
        ("AccessDenied", "the role may not do that (told)"),
        ("AccessDeniedException", "infrastructure/cloudformation.yaml"),
        ("UnauthorizedOperation", "infrastructure/cloudformation.yaml"),
        ("ThrottlingException", "told (ThrottlingException)"),
    ],
)
def test_refusal_names_its_remedy(code, words):
    problem = _refused(code, "told")
    error = _raised(problem)
    assert str(error).startswith("starting it: ")
    assert words in str(error)
    assert error.__cause__ is problem


def test_refusal_without_message_is_shown():
    assert "StartJobRun" in str(_raised(ClientError({"Error": {"Code": "X"}}, "StartJobRun")))


@pytest.mark.parametrize("kind", [PlatformError, JobError, QueryError])
def test_refusal_takes_the_asked_kind(kind):
    assert type(_raised(_refused(), kind)) is kind


@pytest.mark.parametrize(
    "problem",
    [
        EndpointConnectionError(endpoint_url="https://glue.example"),
        ReadTimeoutError(endpoint_url="https://glue.example"),
        NoRegionError(),
    ],
)
def test_unreachable_service_is_explained(problem):
    error = _raised(problem, JobError)
    assert type(error) is JobError
    assert str(error) == f"starting it: {problem}"


def test_missing_credentials_are_the_platforms():
    error = _raised(NoCredentialsError(), PlatformError)
    assert "no AWS credentials were found. Log in" in str(error)
    with pytest.raises(PlatformError), aws_errors_as("starting it", QueryError):
        raise NoCredentialsError


def test_mistakes_of_ours_pass_unchanged():
    with pytest.raises(KeyError), aws_errors_as("starting it"):
        raise KeyError("a mistake")
    with pytest.raises(QueryError, match="its own"), aws_errors_as("starting it", JobError):
        raise QueryError("its own words")


def test_single_calls_are_sent_once():
    assert NO_RETRY.retries["total_max_attempts"] == 1
    assert RETRYING.retries["total_max_attempts"] > 1
    assert RETRYING.read_timeout == NO_RETRY.read_timeout == 60
