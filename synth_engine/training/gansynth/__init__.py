"""GANSynth's own training: progressive growing, Wasserstein loss, gradient penalty, auxiliary heads."""
