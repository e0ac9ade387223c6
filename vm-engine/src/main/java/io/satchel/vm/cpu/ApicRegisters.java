package io.satchel.vm.cpu;

/**
 * The local APIC as its processor reaches it without memory: by MSRs and CR8 (SDM volume 3,
 * sections 11.5.4.1, 11.8.6 and 11.12).
 */
public interface ApicRegisters {

  /** A processor without one. */
  ApicRegisters NONE =
      new ApicRegisters() {
        @Override
        public boolean readable(int register) {
          return false;
        }

        @Override
        public long read(int register) {
          return 0;
        }

        @Override
        public boolean write(int register, long value) {
          return false;
        }

        @Override
        public long deadline() {
          return 0;
        }

        @Override
        public void setDeadline(long timeStamp) {}

        @Override
        public int taskPriority() {
          return 0;
        }

        @Override
        public void setTaskPriority(int priorityClass) {}
      };

  /** Whether MSR {@code 800h + register} can be read in x2APIC mode. */
  boolean readable(int register);

  /** Reads MSR {@code 800h + register}. */
  long read(int register);

  /**
   * Writes MSR {@code 800h + register}.
   *
   * @return false when the register cannot be written or {@code value} sets a reserved bit: #GP(0)
   */
  boolean write(int register, long value);

  /** IA32_TSC_DEADLINE; 0 while the timer is not armed. */
  long deadline();

  /** Arms the timer for a time stamp, or with 0 disarms it. */
  void setDeadline(long timeStamp);

  /** CR8, 0 to 15. */
  int taskPriority();

  void setTaskPriority(int priorityClass);
}
