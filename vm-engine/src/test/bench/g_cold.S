/* 60,000 snippets, no two alike, each run N times: what a translator has to pay for cold code. */
  .text
  .globl bench
bench: pushl %ebx
  pushl %esi
  xorl %eax, %eax
  xorl %ebx, %ebx
  xorl %ecx, %ecx
  xorl %edx, %edx
  movl $N, %esi
1: call big
  decl %esi
  jnz 1b
  addl %ebx,%eax
  popl %esi
  popl %ebx
  ret
big:
  .set i,0
  .rept 60000
  addl $(i*77), %eax
  xorl %eax, %ebx
  movl %ebx, gbuf+((i*4)&4092)
  movl gbuf+((i*12)&4092), %edx
  testl $4, %eax
  jz 2f
  incl %ecx
  leal 3(%edx,%ecx,2), %edx
  addl %edx, %ebx
2: nop
  .set i,i+1
  .endr
  ret
  .bss
  .align 4096
gbuf: .skip 4096
