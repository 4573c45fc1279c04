"""The Glue script on the Spark session of the tests, instead of on one of its own."""

from blocks.glue import LocalGlueJob, LocalGlueRun
from jobs.main import main


class InProcessRun(LocalGlueRun):
    def wait_for_completion(self):
        main(self.argv)


class InProcessJob(LocalGlueJob):
    """A job runner for flows; the test needs the fixture `spark`."""

    def trigger(self):
        return InProcessRun(self)
