// The part's carry chain of four bits. Each carry is a signal of its own: as bits of one that depends on itself
// they would be a loop to Verilator, which it may settle wrongly.
module CARRY4 (
  output logic [3:0] CO,
  output logic [3:0] O,
  input  logic       CI,
  input  logic       CYINIT,
  input  logic [3:0] DI,
  input  logic [3:0] S
);
  logic carry_0, carry_1, carry_2, carry_3, carry_4;
  assign carry_0 = CI | CYINIT;
  assign carry_1 = S[0] ? carry_0 : DI[0];
  assign carry_2 = S[1] ? carry_1 : DI[1];
  assign carry_3 = S[2] ? carry_2 : DI[2];
  assign carry_4 = S[3] ? carry_3 : DI[3];
  assign CO      = {carry_4, carry_3, carry_2, carry_1};
  assign O       = S ^ {carry_3, carry_2, carry_1, carry_0};
endmodule
