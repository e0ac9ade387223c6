package io.satchel.vm.device;

import java.util.ArrayList;
import java.util.List;

/**
 * The wires between local APICs and I/O APICs (Intel SDM volume 3, sections 11.6 and 11.8). It
 * keeps no state.
 */
public final class ApicBus {

  // Delivery modes, as in the ICR and in redirection entries.
  public static final int FIXED = 0;
  public static final int LOWEST_PRIORITY = 1;
  public static final int SMI = 2;
  public static final int NMI = 4;
  public static final int INIT = 5;
  public static final int START_UP = 6;
  public static final int EXT_INT = 7;

  /** Physical destination of everyone. */
  public static final int BROADCAST = 0xFF;

  private final List<LocalApic> locals = new ArrayList<>();
  private final List<IoApic> ios = new ArrayList<>();

  void join(LocalApic apic) {
    locals.add(apic);
  }

  void join(IoApic apic) {
    ios.add(apic);
  }

  /**
   * Carries a message to the APICs that {@code destination} names.
   *
   * @param logical the destination is a mask for the logical destination registers
   * @param level the interrupt is level triggered: its EOI is to be broadcast
   */
  void send(int destination, boolean logical, int mode, int vector, boolean level) {
    if (mode == LOWEST_PRIORITY) {
      LocalApic chosen = null;
      for (int i = 0; i < locals.size(); i++) {
        LocalApic apic = locals.get(i);
        if (apic.isAddressed(destination, logical)
            && (chosen == null || apic.arbitrationPriority() < chosen.arbitrationPriority())) {
          chosen = apic;
        }
      }
      if (chosen != null) {
        chosen.accept(FIXED, vector, level);
      }
      return;
    }
    for (int i = 0; i < locals.size(); i++) {
      LocalApic apic = locals.get(i);
      if (apic.isAddressed(destination, logical)) {
        apic.accept(mode, vector, level);
      }
    }
  }

  /** To everyone, or to everyone but the sender. */
  void sendToAll(LocalApic sender, boolean includingSender, int mode, int vector, boolean level) {
    for (int i = 0; i < locals.size(); i++) {
      LocalApic apic = locals.get(i);
      if (includingSender || apic != sender) {
        apic.accept(mode, vector, level);
      }
    }
  }

  /** A local APIC has served a level-triggered vector. */
  void endOfInterrupt(int vector) {
    for (int i = 0; i < ios.size(); i++) {
      ios.get(i).endOfInterrupt(vector);
    }
  }
}
