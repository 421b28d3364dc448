#![doc = include_str!("docs/docs.md")]

pub mod tutorial {
    #![doc = include_str!("docs/tutorial/tutorial.md")]

    pub mod chapter_1_derivatives {
        #![doc = include_str!("docs/tutorial/chapter_1_derivatives.md")]
    }
    pub mod chapter_2_one_neuron {
        #![doc = include_str!("docs/tutorial/chapter_2_one_neuron.md")]
    }
    pub mod chapter_3_least_squares {
        #![doc = include_str!("docs/tutorial/chapter_3_least_squares.md")]
    }
    pub mod chapter_4_back_propagation {
        #![doc = include_str!("docs/tutorial/chapter_4_back_propagation.md")]
    }
    pub mod chapter_5_cross_entropy {
        #![doc = include_str!("docs/tutorial/chapter_5_cross_entropy.md")]
    }
    pub mod chapter_6_mini_batches {
        #![doc = include_str!("docs/tutorial/chapter_6_mini_batches.md")]
    }
    pub mod chapter_7_mnist {
        #![doc = include_str!("docs/tutorial/chapter_7_mnist.md")]
    }
}

pub mod choosing {
    #![doc = include_str!("docs/choosing/choosing.md")]

    pub mod regression {
        #![doc = include_str!("docs/choosing/regression.md")]
    }
    pub mod loss {
        #![doc = include_str!("docs/choosing/loss.md")]
    }
    pub mod optimizer {
        #![doc = include_str!("docs/choosing/optimizer.md")]
    }
    pub mod activation {
        #![doc = include_str!("docs/choosing/activation.md")]
    }
}

pub mod migration {
    #![doc = include_str!("docs/migration/migration.md")]

    pub mod scikit_learn {
        #![doc = include_str!("docs/migration/scikit_learn.md")]
    }
    pub mod pytorch {
        #![doc = include_str!("docs/migration/pytorch.md")]
    }
    pub mod linfa {
        #![doc = include_str!("docs/migration/linfa.md")]
    }
}
