"""Addresses of this room."""

from django.urls import URLPattern, path

from greenloop.web.trust import audit, clockwork, disclosures, keys, log, proof, proposals

urlpatterns: list[URLPattern] = [
    path("proposals/", proposals.inbox, name="proposals"),
    path("proposals/<int:number>/", proposals.one, name="proposal"),
    path("proposals/<int:number>/approve/", proposals.approve, name="proposal_approve"),
    path("proposals/<int:number>/reject/", proposals.reject, name="proposal_reject"),
    path("proposals/<int:number>/withdraw/", proposals.withdraw, name="proposal_withdraw"),
    path("keys/", keys.clients, name="clients"),
    path("keys/<int:number>/", keys.propose_key, name="key_propose"),
    path("clock/", clockwork.runs, name="clock"),
    path("audit/", audit.log, name="audit"),
    path("disclosures/", disclosures.page, name="disclosures"),
    path("log/", log.page, name="log"),
    path("log/checkpoint", log.checkpoint, name="log_checkpoint"),
    path("log/checkpoints/list", log.sizes, name="log_sizes"),
    path("log/checkpoints/<int:size>", log.checkpoint_of, name="log_checkpoint_of"),
    path("log/key", log.keys, name="log_keys"),
    path("log/leaves/<int:number>.jsonl", log.tile, name="log_tile"),
    path("proof/", proof.page, name="proof"),
    path("proof/check_inclusion.py", proof.program, name="proof_program"),
    path("proof/<int:cycle>/published.json", proof.root_file, name="root_file"),
    path("proof/<int:cycle>/<int:account>.json", proof.proof_file, name="proof_file"),
]
