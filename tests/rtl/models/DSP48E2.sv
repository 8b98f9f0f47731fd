// Simulation model of what the project's netlists use of DSP48E2 (AMD UG579): the multiplier with 0 to 2
// registers behind the operands, 0 or 1 behind product and sum, and an adder of 48 bits. Whatever else
// is asked for ends the simulation.
module DSP48E2 #(
  parameter AMULTSEL = "A",
  parameter A_INPUT = "DIRECT",
  parameter BMULTSEL = "B",
  parameter B_INPUT = "DIRECT",
  parameter USE_MULT = "MULTIPLY",
  parameter USE_SIMD = "ONE48",
  parameter int AREG = 1,
  parameter int ACASCREG = 1,
  parameter int ADREG = 1,
  parameter int BREG = 1,
  parameter int BCASCREG = 1,
  parameter int CREG = 1,
  parameter int DREG = 1,
  parameter int MREG = 1,
  parameter int PREG = 1,
  parameter int ALUMODEREG = 1,
  parameter int CARRYINREG = 1,
  parameter int CARRYINSELREG = 1,
  parameter int INMODEREG = 1,
  parameter int OPMODEREG = 1
) (
  input  logic        CLK,
  input  logic [29:0] A,
  input  logic [17:0] B,
  input  logic [47:0] C,
  input  logic [26:0] D,
  input  logic [47:0] PCIN,
  output logic [47:0] PCOUT,
  output logic [47:0] P,
  input  logic [29:0] ACIN,
  input  logic [17:0] BCIN,
  input  logic        CARRYCASCIN,
  input  logic        MULTSIGNIN,
  input  logic        CARRYIN,
  input  logic [3:0]  ALUMODE,
  input  logic [2:0]  CARRYINSEL,
  input  logic [4:0]  INMODE,
  input  logic [8:0]  OPMODE,
  input  logic        CEA1, CEA2, CEAD, CEB1, CEB2, CEC, CED, CEM, CEP,
  input  logic        CEALUMODE, CECARRYIN, CECTRL, CEINMODE,
  input  logic        RSTA, RSTB, RSTC, RSTD, RSTM, RSTP,
  input  logic        RSTALLCARRYIN, RSTALUMODE, RSTCTRL, RSTINMODE
);
  initial begin
    if (AMULTSEL != "A" || A_INPUT != "DIRECT" || BMULTSEL != "B" || B_INPUT != "DIRECT" ||
        USE_MULT != "MULTIPLY" || USE_SIMD != "ONE48" || CREG != 0 || OPMODEREG != 0 ||
        ALUMODEREG != 0 || INMODEREG != 0 || CARRYINREG != 0 || CARRYINSELREG != 0) begin
      $fatal(1, "DSP48E2: parameters that this model does not know");
    end
  end
  always_ff @(posedge CLK) begin
    assert (OPMODE[3:0] == 4'b0101 && OPMODE[8:7] == 2'b00 && CARRYINSEL == 3'b000 &&
            INMODE == 5'b00000 && (ALUMODE == 4'b0000 || ALUMODE == 4'b0011))
      else $fatal(1, "DSP48E2: a mode that this model does not know");
  end

  logic signed [26:0] a1_q, a2_q, a;
  logic signed [17:0] b1_q, b2_q, b;
  logic signed [44:0] product, m_q, m;
  logic [47:0] z, sum, p_q;
  assign a       = AREG == 0 ? A[26:0] : a2_q;
  assign b       = BREG == 0 ? B : b2_q;
  assign product = a * b;
  assign m       = MREG == 0 ? product : m_q;
  always_comb begin
    unique case (OPMODE[6:4])
      3'b000:  z = 48'd0;
      3'b001:  z = PCIN;
      3'b011:  z = C;
      3'b101:  z = {{17{PCIN[47]}}, PCIN[47:17]};
      default: z = 'x;
    endcase
  end
  assign sum = ALUMODE == 4'b0011 ? z - (48'(m) + 48'(CARRYIN)) : z + 48'(m) + 48'(CARRYIN);
  always_ff @(posedge CLK) begin
    if (RSTA) {a1_q, a2_q} <= '0;
    else begin
      if (CEA1) a1_q <= A[26:0];
      if (CEA2) a2_q <= AREG == 2 ? a1_q : A[26:0];
    end
    if (RSTB) {b1_q, b2_q} <= '0;
    else begin
      if (CEB1) b1_q <= B;
      if (CEB2) b2_q <= BREG == 2 ? b1_q : B;
    end
    if (RSTM) m_q <= '0;
    else if (CEM) m_q <= product;
    if (RSTP) p_q <= '0;
    else if (CEP) p_q <= sum;
  end
  assign P     = PREG == 0 ? sum : p_q;
  assign PCOUT = P;
endmodule
