/** The first qcow format. */
@NullMarked
package io.satchel.image.format.qcow;

import org.jspecify.annotations.NullMarked;
