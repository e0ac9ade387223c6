/** The qcow2 image format, versions 2 and 3 (QEMU, docs/interop/qcow2.txt). */
@NullMarked
package io.satchel.image.format.qcow2;

import org.jspecify.annotations.NullMarked;
