/** What a program that shows a machine may see of it. */
@NullMarked
package io.satchel.vm.api;

import org.jspecify.annotations.NullMarked;
