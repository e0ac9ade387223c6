/** What is done with whole images: convert, compare, commit, rebase, measure, map. */
@NullMarked
package io.satchel.image.operation;

import org.jspecify.annotations.NullMarked;
