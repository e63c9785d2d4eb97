# Everything a fresh clone needs; each target does its own set-up.

PYTHON ?= python3
BIN := .venv/bin
DEV := .venv/.ready
SANDBOX := .venv-sandbox/.ready
REVIEW := .venv-review/.ready
UV := .venv-uv/bin/uv
CLI := .venv-cli/.ready

# Images set it, and then every process compiles every module anew.
export PYTHONDONTWRITEBYTECODE =

.PHONY: help demo demo-release sandbox parameters cli quickstart test check asl events schema openapi examples picture build sbom deploy crash-matrix crash-matrix-release fuzz permissions bench bench-release bench-verdict lock clean

help:
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 18

demo: $(CLI) $(SANDBOX)          ## the main job on the embedded AWS, from start to end
	@.venv-cli/bin/python -m sandbox.demo

demo-release: $(CLI) $(SANDBOX)  ## five functions released together, one of them bad, on the embedded AWS
	@.venv-cli/bin/python -m sandbox.demo.release

sandbox: parameters $(CLI) $(SANDBOX) ## the embedded AWS with this stack deployed, until Ctrl-C (PORT=4566, MINUTE_SECONDS=60, PARAMETERS="DefaultAlias=LIVE")
	@.venv-cli/bin/python -m sandbox

# sam leaves out a parameter that the template does not have, without a word.
parameters:
	@for each in $(PARAMETERS); do sed -n '/^Parameters:/,/^Conditions:/p' template.yaml | grep -q "^  $${each%%=*}:" \
	  || { echo "PARAMETERS: template.yaml has no parameter $${each%%=*}; its first lines list them. Nothing was started." >&2; exit 2; }; done

cli: $(CLI)                      ## the command `bluegreen` alone, in .venv-cli
	@echo "source .venv-cli/bin/activate"

quickstart:                      ## README's quickstart, pasted into a fresh clone (about five minutes)
	@$(PYTHON) -m tests.quickstart

test: $(DEV) $(SANDBOX)          ## every test
	@$(BIN)/python -m pytest -n auto --dist loadfile

OURS := template.yaml target.yaml

check: $(DEV) $(SANDBOX) $(REVIEW) ## lint, format, types, layers, and what checkov and parliament say of the templates
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy handlers bluegreen_cli sandbox statemachine benchmarks provenance reference tests && PYTHONPATH=handlers:. $(BIN)/lint-imports --no-cache
	@for file in $(OURS); do SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=eu-west-1 .venv-sandbox/bin/sam validate --lint --template $$file || exit; done
	@AWS_DEFAULT_REGION=eu-west-1 .venv-sandbox/bin/python -I tests/template/translate.py $(OURS) \
	  | .venv-review/bin/python tests/template/review.py $(OURS)

asl: $(DEV)                      ## write the state machine and its picture from their definition
	@$(BIN)/python -m statemachine && $(BIN)/python -m statemachine picture

events: $(DEV)                   ## write the schema of the events anew
	@PYTHONPATH=handlers $(BIN)/python -c 'import json; from bluegreen.news.schema import schema; print(json.dumps(schema(), indent=2))' > docs/events.schema.json

schema: $(DEV)                   ## write the schemas of requests and releases, and the tables of their fields in docs/, anew
	@PYTHONPATH=handlers:. $(BIN)/python -m reference

openapi: $(DEV)                  ## write the description of the HTTP API anew
	@PYTHONPATH=handlers $(BIN)/python -c 'import json; from bluegreen.api import openapi, served; print(json.dumps(openapi.document(served.ROUTERS), indent=2))' > docs/openapi.json

TEMPLATES := examples/sam/template.yaml examples/calling-each-other/template.yaml $(wildcard examples/from-codedeploy/*.yaml)

examples: $(SANDBOX)             ## write the CDK example's templates anew; check those of SAM, and Terraform's file where terraform is
	@cd examples/cdk && npm ci --silent --no-audit --no-fund && npx cdk synth --quiet && cp build/*.template.json synthesized/
	@for file in $(TEMPLATES); do SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=eu-west-1 .venv-sandbox/bin/sam validate --lint --template $$file || exit; done
	@if command -v terraform >/dev/null; then terraform fmt -check examples/terraform; fi

build: $(SANDBOX)                ## the artifact, for Lambda's platform
	@PYTHON=$(CURDIR)/.venv-sandbox/bin/python .venv-sandbox/bin/sam build
	@.venv-sandbox/bin/python -m provenance digest .aws-sam/build/OpenDeploymentFunction

sbom: $(DEV) $(SANDBOX)          ## what artifact and tools are made of, in CycloneDX, into build/sbom/
	@rm -rf build/artifact && mkdir -p build/artifact/function/code
	@$(MAKE) -s -C handlers build-OpenDeploymentFunction ARTIFACTS_DIR=$(CURDIR)/build/artifact/function/code PYTHON=$(CURDIR)/.venv-sandbox/bin/python
	@$(BIN)/python -m provenance sbom build/artifact/function/code

deploy: parameters build         ## the stack, into the AWS account of your credentials (PARAMETERS="DefaultAlias=LIVE")
	@.venv-sandbox/bin/sam deploy $(if $(PARAMETERS),--parameter-overrides $(PARAMETERS))

crash-matrix: $(DEV) $(SANDBOX)  ## every fault at every AWS call and every state (an hour or more on two cores)
	@$(BIN)/python -m tests.crash

crash-matrix-release: $(DEV) $(SANDBOX) ## the same for a release of five functions (about seventy minutes on two cores)
	@$(BIN)/python -m tests.crash --release

fuzz: $(DEV)                     ## inputs that no honest caller sends, at every entrance (INPUTS=40: times as many as `make test`)
	@PYTHONPATH=handlers:. $(BIN)/python -m tests.fuzz --inputs $(or $(INPUTS),40)

permissions: $(DEV) $(SANDBOX)   ## what each role may do and needs, into docs/ (about fifteen minutes on two cores)
	@$(BIN)/python -m tests.permissions

bench: $(DEV) $(SANDBOX)         ## what a deployment costs, as ratios
	@$(BIN)/python -m benchmarks

bench-release: $(DEV) $(SANDBOX) ## what releases of 1, 10, 100 and 1,000 functions cost, in process (half an hour on two busy cores)
	@$(BIN)/python -m benchmarks.release

bench-verdict: $(DEV)            ## the verdict against its peers, simulated; and that of a release (about fifteen minutes)
	@$(BIN)/python -m benchmarks.verdict && $(BIN)/python -m benchmarks.verdict.release

NEW_ENOUGH = $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; say which with PYTHON=")'

$(CLI): requirements/cli.txt pyproject.toml
	@$(NEW_ENOUGH)
	@echo "setting up .venv-cli"
	@$(PYTHON) -m venv --clear .venv-cli
	@.venv-cli/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/cli.txt
	@.venv-cli/bin/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(UV): requirements/uv.txt
	@$(NEW_ENOUGH)
	@echo "setting up .venv-uv"
	@$(PYTHON) -m venv .venv-uv && .venv-uv/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@touch $@

$(DEV): $(UV) requirements/dev.txt requirements/statemachine.txt pyproject.toml
	@echo "setting up .venv"
	@$(UV) venv -q --clear --python $(PYTHON) .venv
	@$(UV) pip install -q --python $(BIN)/python --require-hashes -r requirements/dev.txt
	@$(UV) pip install -q --python $(BIN)/python --require-hashes --no-deps -r requirements/statemachine.txt
	@$(UV) pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

$(SANDBOX): $(UV) requirements/sandbox.txt
	@echo "setting up .venv-sandbox"
	@$(UV) venv -q --clear --python $(PYTHON) .venv-sandbox
	@$(UV) pip install -q --python .venv-sandbox/bin/python --require-hashes -r requirements/sandbox.txt
	@touch $@

$(REVIEW): $(UV) requirements/review.txt
	@echo "setting up .venv-review"
	@$(UV) venv -q --clear --python $(PYTHON) .venv-review
	@$(UV) pip install -q --python .venv-review/bin/python --require-hashes -r requirements/review.txt
	@touch $@

COMPILE = pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --custom-compile-command 'make lock'

lock: $(UV)                      ## pin every dependency anew
	@for name in uv dev sandbox review; do (cd requirements && ../$(UV) $(COMPILE) $$name.in -o $$name.txt --upgrade); done
	@cd requirements && ../$(UV) $(COMPILE) --upgrade --constraint dev.txt cli.in -o cli.txt
	@for name in fastapi sqs-batch; do (cd examples/$$name && ../../$(UV) $(COMPILE) requirements.in -o requirements.txt --upgrade); done
	@$(UV) $(COMPILE) --no-deps --upgrade requirements/statemachine.in -o requirements/statemachine.txt
	@$(UV) $(COMPILE) --upgrade --constraint requirements/dev.txt handlers/requirements.in -o handlers/requirements.txt \
	  --no-emit-package boto3 --no-emit-package botocore --no-emit-package python-dateutil --no-emit-package six --no-emit-package urllib3

clean:                           ## remove everything that is made here
	@rm -rf .venv .venv-cli .venv-uv .venv-sandbox .venv-review .aws-sam .cache build .mypy_cache .ruff_cache .pytest_cache .hypothesis .sandbox.env
