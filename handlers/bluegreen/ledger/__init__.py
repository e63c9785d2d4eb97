"""
What the deployer remembers, in one DynamoDB table. docs/protocol.md says who may write what when.

    pk                          sk                     what                                              written by
    deployment#<id>             record                 what served, what changes, who does it, its end   deployments.py
    deployment#<id>             plan                   what OpenDeployment decided, once                 deployments.py
    steps#<owner>               <time>#<state>#<dice>  what a state did, with its evidence               audit.py
    lock#<alias>                lock                   there while a deployment of the alias is live     locks.py
    lock#<function>:$LATEST     lock                   there while a deployment of new code is live      locks.py
    serving#<alias>             now                    the version that the last deployment left         serving.py
    serving#<alias>             version#<number>       which deployment brought it, and what was before  serving.py
    code#<function>             <digest>               where a zip with that digest lies                 code.py
    newest#<alias>              newest                 the newest upload that a deployment took          uploads.py
    waiting#<alias>             waiting                the upload that starts when the lock is free      waiting.py
    approval#<owner>            step#<number>          which step waits for a person, since when         approvals.py
    decision#<owner>            step#<number>          what a person decided about the step, once        approvals.py
    start#<id>                  <digest>               who started the execution with that input     starts.py
    orders#<owner>              orders                 what people ordered it to do, in order            orders.py
    refusals#<function>         told, frozen           when people were last told of a refused request   refusals.py
    refusals#releases           told, frozen           when people were told of a refused release        refusals.py
    refusals#<execution>        told                   that people know of an end without a record      refusals.py
    freezes#<account>:<region>  <name or pattern>      which functions are frozen, why, until when       freezes.py
    pace#<account>:<region>     <limit>                when Lambda may be called next                aws/pacing.py
    doctor                      last                   what `bluegreen doctor` found last                checkup.py
    release#<id>                record                 what a release wants, how far it is, its end      releases.py
    release#<id>                member#<wave>#<nr>     one of its functions, and how it stands           releases.py
    release#<id>                request#<nr>           what is asked for that function                   releases.py
    release#<id>                verdict#<wave>         what the looks at a wave came to                  releases.py

<alias> is `account:region:function:alias`, <function> is `account:region:function`, <execution> is an ARN. <owner> is
the id of a deployment, or `release#<id>`, since a deployment and a release may have the same id (owner.py). The index
ByFunction lists a function's deployments and, under another key, its refused requests, by their start. It lists the
releases and, under another key, the refused ones, too. ByKind
lists the locks that are held, the uploads that wait, the aliases to which a deployment was completed, the records of
whose end people have not been told yet, and the releases that have not ended or of whose end they have not.

What would be too large for the table lies in the artifact bucket.

    internal/releases/<id>/evidence-<wave>-<chunk>.json.gz  the last looks at a release's functions  evidence.py
    internal/releases/<id>/<phase>.json                     the functions of a Distributed Map       releasing/items.py
    internal/releases/<id>/wave-<wave>.json                 what puts a wave back without the table  releasing/facts.py
"""
