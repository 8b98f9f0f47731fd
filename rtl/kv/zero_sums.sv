// What zero points of values add to a head's sums, for each query and group of dimensions:
//
//     Σ_chunks factor * Σ_t level * (8 - zero)
//
// Terms of a row come in already added up over the lanes. The sums are there ZeroSumStages after
// the last row.
module zero_sums #(
  parameter int unsigned HeadQueries = 2,
  localparam int unsigned Groups = rce_pkg::Groups,
  localparam int unsigned QueryW = kv_pkg::QueryW,
  localparam int unsigned TermSumW = kv_pkg::TermSumW,
  localparam int unsigned FactorW = rce_pkg::FactorW,
  localparam int unsigned SumW = rce_pkg::DspW
) (
  input  logic                                clk_i,
  input  logic                                rst_ni,
  input  logic                                valid_i,
  input  logic                                start_i,   // the first of its query
  input  logic [QueryW-1:0]                   query_i,
  input  logic                                split_i,   // groups 0 and 1 of two tokens
  input  logic                                half_i,    // which of them
  input  logic [Groups*TermSumW-1:0]          term_i,    // [group]
  input  logic [FactorW-1:0]                  factor_i,
  output logic [HeadQueries*Groups*SumW-1:0]  sum_o      // [query][group]
);
  localparam int unsigned MultiplyStages = 3;
  localparam int unsigned IndexW = HeadQueries == 1 ? 1 : $clog2(HeadQueries);
  localparam int unsigned HalfW = Groups / 2 * TermSumW;
  if (kv_pkg::ZeroSumStages != MultiplyStages + 1) begin : gen_check_latency
    $error("ZeroSumStages is a multiplication and a sum");
  end

  logic              valid, start;
  logic [QueryW-1:0] query;
  logic [Groups*TermSumW-1:0] term;
  assign term = split_i ? {HalfW'(0), term_i[HalfW*half_i +: HalfW]} : term_i;
  pipe_valid #(.Width(1 + QueryW), .Stages(MultiplyStages)) u_row (
    .clk_i, .rst_ni, .en_i(1'b1), .valid_i, .data_i({start_i, query_i}), .valid_o(valid),
    .data_o({start, query})
  );
  for (genvar g = 0; g < Groups; g++) begin : gen_group
    logic [SumW-1:0] product, unused_cascade;
    logic [SumW-1:0] sum_q [HeadQueries];
    dsp_mul #(.AbRegisters(1)) u_multiply (
      .clk_i, .en_i(1'b1), .a_i(27'($signed(term[TermSumW*g +: TermSumW]))),
      .b_i({3'd0, factor_i}), .c_i(48'd0), .pcin_i(48'd0), .p_o(product), .pcout_o(unused_cascade)
    );
    always_ff @(posedge clk_i) begin
      if (valid) begin
        sum_q[query[IndexW-1:0]] <= (start ? '0 : sum_q[query[IndexW-1:0]]) + product;
      end
    end
    for (genvar q = 0; q < HeadQueries; q++) begin : gen_query
      assign sum_o[SumW*(Groups*q+g) +: SumW] = sum_q[q];
    end
  end
  logic unused;
  assign unused = ^query;
endmodule
