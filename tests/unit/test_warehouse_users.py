"""What a deployment changes of the warehouse's users, by what is there."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from infrastructure.aws.logins import Login
from infrastructure.aws.warehouse_users import READERS, SCHEMA, Present, password_hash, statements

LOADER, READER = Login("churn_loader", "planted-password-1"), Login("churn_reader", "planted-password-2")


def _present(users=(), groups=(), readers=()):
    return Present(users, groups, readers)


def test_hash_is_the_one_that_redshift_documents():
    assert password_hash(Login("user1", "ez")) == "md5153c434b4b77c89e6b94f12c5393af5b"


def test_new_warehouse_gets_all_of_it_in_order():
    found = statements(_present(), LOADER, READER)
    assert [" ".join(sql.split()[:3]) for sql in found] == [
        f"CREATE GROUP {READERS}",
        'CREATE USER "churn_loader"',
        'CREATE USER "churn_reader"',
        f"ALTER GROUP {READERS}",
        "CREATE SCHEMA IF",
        f"ALTER SCHEMA {SCHEMA}",
    ]


@given(
    st.sets(st.sampled_from([LOADER.user, READER.user, "somebody"])),
    st.booleans(),
    st.booleans(),
)
def test_each_thing_is_made_once_and_passwords_are_always_set(users, has_group, is_member):
    present = _present(users, {READERS} if has_group else {"others"}, {READER.user} if is_member else set())
    found = statements(present, LOADER, READER)
    for login in (LOADER, READER):
        verb = "ALTER" if login.user in users else "CREATE"
        digest = hashlib.md5(f"{login.password}{login.user}".encode()).hexdigest()
        assert f"{verb} USER \"{login.user}\" PASSWORD 'md5{digest}'" in found
    assert (f"CREATE GROUP {READERS}" in found) != has_group
    assert (f'ALTER GROUP {READERS} ADD USER "churn_reader"' in found) != is_member
    assert "planted" not in "".join(found)


def test_name_of_a_user_is_quoted():
    odd = Login('o"; DROP USER x; --', "p")
    assert 'CREATE USER "o""; DROP USER x; --" PASSWORD' in statements(_present(), odd, READER)[1]


def test_password_is_not_shown():
    assert "planted" not in repr(LOADER)
