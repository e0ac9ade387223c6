/** The firmware: what a PC has in its ROM. */
@NullMarked
package io.satchel.vm.firmware;

import org.jspecify.annotations.NullMarked;
