"""
What the deployer remembers, in one DynamoDB table. docs/protocol.md says who may write what when.

    pk                          sk                     what                                              written by
    deployment#<id>             record                 what served, what changes, who does it, its end   deployments.py
    deployment#<id>             plan                   what OpenDeployment decided, once                 deployments.py
    steps#<id>                  <time>#<state>#<dice>  what a state did, with its evidence               audit.py
    lock#<alias>                lock                   there while a deployment of the alias is live     locks.py
    lock#<function>:$LATEST     lock                   there while a deployment of new code is live      locks.py
    serving#<alias>             now                    the version that the last deployment left         serving.py
    serving#<alias>             version#<number>       which deployment brought it, and what was before  serving.py
    code#<function>             <digest>               where a zip with that digest lies                 code.py
    newest#<alias>              newest                 the newest upload that a deployment took          uploads.py
    waiting#<alias>             waiting                the upload that starts when the lock is free      waiting.py
    approval#<id>               step#<number>          which step waits for a person, since when         approvals.py
    decision#<id>               step#<number>          what a person decided about the step, once        approvals.py
    start#<id>                  <digest>               who started the execution with that input     starts.py
    orders#<id>                 orders                 what people ordered it to do, in order            orders.py
    refusals#<function>         told, frozen           when people were last told of a refused request   refusals.py
    freezes#<account>:<region>  <name or pattern>      which functions are frozen, why, until when       freezes.py
    pace#<account>:<region>     <limit>                when Lambda may be called next                aws/pacing.py
    doctor                      last                   what `bluegreen doctor` found last                checkup.py

<alias> is `account:region:function:alias`, <function> is `account:region:function`. The
index ByFunction lists a function's deployments and, under another key, its refused requests, by their start. ByKind
lists the locks that are held, the uploads that wait, the aliases to which a deployment was completed, and the records
of whose end people have not been told yet.
"""
